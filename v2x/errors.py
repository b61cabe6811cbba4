"""The two errors the outside can cause. Anything else that goes wrong is ours, and an assertion."""

from positioning.samples import Verdict


class WireError(ValueError):
    """The peer's fault: what came in cannot be taken. `verdict` is what gets counted, `text` what gets told."""

    def __init__(self, verdict: Verdict, text: str) -> None:
        super().__init__(f"{verdict.name}: {text}")
        self.verdict = verdict
        self.text = text


class ConfigError(ValueError):
    """The operator's fault, raised at start only. `flag` names what to change."""

    def __init__(self, flag: str, text: str) -> None:
        super().__init__(f"{flag}: {text}")
        self.flag = flag
        self.text = text
