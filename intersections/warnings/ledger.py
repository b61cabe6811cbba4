"""The warnings in force at one intersection: raised once per conflict, updated in place, cleared explicitly.

Rules:
* A conflict is a kind and a pair of tracks; its warning keeps one id from RAISED to CLEARED: `{intersection}-{kind}-{run}-{number}`.
  The run is the time of the ledger's first warning, so that no id comes again after a restart.
* It is cleared when a party's track ends, when its kind is silenced, or when the pair was judged and found harmless for CLEAR_NS.
* Pairs that were not judged again (nobody updated them) keep their state.
* Everybody hears of it at least every SILENCE_NS while it lasts, with a step that comes after REFRESH_NS if there is one, and at once
  when its severity changes.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from intersections.conflicts import Conflicts
from intersections.decisions import Cause, Party, Severity, Warning, WarningKind, WarningState
from intersections.warnings import fcw, icw, vrucw
from intersections.warnings.application import Application, Gate, severity
from positioning.samples import ObjectClass
from positioning.tracks import TrackView

APPLICATIONS: tuple[Application, ...] = (icw.APPLICATION, fcw.APPLICATION, vrucw.APPLICATION)  # in the order of ConflictKind
KINDS = tuple(application.kind for application in APPLICATIONS)
VALID_NS = 1_000_000_000
REFRESH_NS = 350_000_000  # between two frames of 10 Hz, not at one
SILENCE_NS = 480_000_000  # 500 ms is promised
CLEAR_NS = 500_000_000
RUN_MS = 1_000_000
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
WARNINGS_MAX = 1024  # in force at one intersection; more is a broken sensor, not traffic

Key = tuple[int, int, int]  # ConflictKind, lower and higher track id
CauseOf = Callable[[tuple[Party, Party]], Cause]


class _Found(NamedTuple):
    """One conflict: a row of `Conflicts` as plain numbers."""

    first: int
    second: int
    kind: int
    rule: int
    ttc_s: float
    pet_s: float
    required_mps2: float
    probability: float
    east_m: float
    north_m: float


@dataclass(slots=True)
class _Entry:
    warning: Warning
    rule: int
    harmless_since_ns: int | None = None
    answers: tuple[tuple[str, str], ...] = ()


class WarningLedger:
    def __init__(self, intersection: str) -> None:
        self._intersection = intersection
        self._entries: dict[Key, _Entry] = {}
        self._gate = Gate(APPLICATIONS)
        self._run_ns = 0  # when the first warning was raised
        self._number = 0
        self._silent_until_ns: dict[WarningKind, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def silence(self, kind: WarningKind, until_ns: int) -> None:
        self._silent_until_ns[kind] = until_ns

    def acknowledge(self, warning_id: str, author: str, answer: str) -> bool:
        """Record that somebody has answered a warning in force; False if there is none of this id."""
        for entry in self._entries.values():
            if entry.warning.id == warning_id:
                entry.answers = (*(pair for pair in entry.answers if pair[0] != author), (author, answer))
                return True
        return False

    def answers(self, warning_id: str) -> tuple[tuple[str, str], ...]:
        """(author, answer) of all who have acknowledged it."""
        return next((entry.answers for entry in self._entries.values() if entry.warning.id == warning_id), ())

    def judge(self, conflicts: Conflicts, view: TrackView, fresh: NDArray[np.bool_], now_ns: int, cause_of: CauseOf) -> list[Warning]:
        """Raise, update and clear from one evaluation. fresh: (n,) tracks that were measured lately; only they raise."""
        news: list[Warning] = []
        seen: set[Key] = set()
        for row, (kind, lower, higher), is_raised in self._gate.judge(conflicts, view.ids, fresh):
            key = kind, lower, higher
            entry = self._entries.get(key)
            if (entry is None and not is_raised) or self._silent(key[0], now_ns):
                continue
            seen.add(key)
            found = _Found(*conflicts.pairs[row].tolist(), *conflicts.values[row].tolist())
            news += self._take(key, entry, found, view, now_ns, cause_of)
        return sorted(news + self._absent(seen, view, now_ns, cause_of), key=_is_repeated)

    def refresh(self, view: TrackView, now_ns: int, cause_of: CauseOf) -> list[Warning]:
        """What time alone demands: updates due, parties gone, kinds silenced."""
        return self._absent(set(self._entries), view, now_ns, cause_of)

    def clear_all(self, now_ns: int, cause: Cause) -> list[Warning]:
        return [self._clear(key, now_ns, cause) for key in list(self._entries)]

    def next_deadline_ns(self) -> int | None:
        return min((entry.warning.updated_ns + SILENCE_NS for entry in self._entries.values()), default=None)

    def _silent(self, kind: int, now_ns: int) -> bool:
        return bool(self._silent_until_ns) and now_ns < self._silent_until_ns.get(KINDS[kind], 0)

    def _take(self, key: Key, entry: _Entry | None, found: _Found, view: TrackView, now_ns: int, cause_of: CauseOf) -> Iterable[Warning]:
        if entry is None:
            if len(self._entries) >= WARNINGS_MAX:
                return
            self._number += 1
            self._run_ns = self._run_ns or now_ns
            first = self._warning(key, found, view, now_ns, cause_of)
            self._entries[key] = _Entry(first, found.rule)
            yield first
            return
        entry.harmless_since_ns, entry.rule = None, found.rule
        level = severity(found.rule, found.ttc_s, found.required_mps2)
        if level == entry.warning.severity and now_ns < entry.warning.updated_ns + REFRESH_NS:
            return
        fresh = self._warning(key, found, view, now_ns, cause_of)
        before = entry.warning
        entry.warning = replace(fresh, id=before.id, created_ns=before.created_ns, state=WarningState.UPDATED)
        yield entry.warning

    def _warning(self, key: Key, found: _Found, view: TrackView, now_ns: int, cause_of: CauseOf) -> Warning:
        kind, parties = KINDS[key[0]], (_party(view, found.first), _party(view, found.second))
        return Warning(
            id=f"{self._intersection}-{kind}-{_base36(self._run_ns // RUN_MS)}-{self._number}",
            intersection=self._intersection,
            kind=kind,
            state=WarningState.RAISED,
            created_ns=now_ns,
            updated_ns=now_ns,
            valid_until_ns=now_ns + VALID_NS,
            severity=severity(found.rule, found.ttc_s, found.required_mps2),
            parties=parties,
            east_m=found.east_m,
            north_m=found.north_m,
            time_to_conflict_s=found.ttc_s,
            post_encroachment_s=found.pet_s,
            required_deceleration_mps2=found.required_mps2,
            confidence=found.probability,
            cause=cause_of(parties),
        )

    def _absent(self, seen: set[Key], view: TrackView, now_ns: int, cause_of: CauseOf) -> list[Warning]:
        """Warnings without a conflict in this evaluation, and those that are due."""
        decided: list[Warning] = []
        if not self._entries:
            return decided
        rows = dict(zip(view.ids.tolist(), range(len(view.ids)), strict=True))
        for key, entry in list(self._entries.items()):
            first, second = (rows.get(party.track_id) for party in entry.warning.parties)
            if first is None or second is None or self._silent(key[0], now_ns):
                decided.append(self._clear(key, now_ns, cause_of(entry.warning.parties)))
                continue
            if key not in seen and (view.updated[first] or view.updated[second]):
                entry.harmless_since_ns = now_ns if entry.harmless_since_ns is None else entry.harmless_since_ns
                if now_ns - entry.harmless_since_ns >= CLEAR_NS:
                    decided.append(self._clear(key, now_ns, cause_of(entry.warning.parties)))
                    continue
            if now_ns >= entry.warning.updated_ns + REFRESH_NS:
                decided.append(self._again(entry, (_party(view, first), _party(view, second)), now_ns))
        return decided

    def _again(self, entry: _Entry, parties: tuple[Party, Party], now_ns: int) -> Warning:
        """The same judgement, later: the parties have moved and the time to conflict has run on."""
        elapsed_s = (now_ns - entry.warning.updated_ns) / 1e9
        entry.warning = replace(
            entry.warning,
            state=WarningState.UPDATED,
            updated_ns=now_ns,
            valid_until_ns=now_ns + VALID_NS,
            parties=parties,
            time_to_conflict_s=max(0.0, entry.warning.time_to_conflict_s - elapsed_s),
        )
        return entry.warning

    def _clear(self, key: Key, now_ns: int, cause: Cause) -> Warning:
        entry = self._entries.pop(key)
        return replace(entry.warning, state=WarningState.CLEARED, updated_ns=now_ns, valid_until_ns=now_ns + VALID_NS, cause=cause)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        ledger = {
            "run_ns": self._run_ns,
            "number": self._number,
            "silent_until_ns": {str(kind): until_ns for kind, until_ns in self._silent_until_ns.items()},
            "entries": [_entry_json(entry) for entry in self._entries.values()],
        }
        return {"json": np.frombuffer(json.dumps(ledger).encode(), np.uint8).copy()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        ledger = json.loads(arrays["json"].tobytes())
        self._run_ns, self._number = ledger["run_ns"], ledger["number"]
        self._silent_until_ns = {WarningKind(kind): until_ns for kind, until_ns in ledger["silent_until_ns"].items()}
        entries = [_entry(entry) for entry in ledger["entries"]]
        self._entries = {_entry_key(entry.warning): entry for entry in entries}


def _is_repeated(warning: Warning) -> bool:
    """Of what is decided at once, what nobody has heard yet is told first."""
    return warning.state is WarningState.UPDATED


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def _entry_key(warning: Warning) -> Key:
    low, high = sorted(party.track_id for party in warning.parties)
    return KINDS.index(warning.kind), low, high


def _party(view: TrackView, row: int) -> Party:
    east_m, north_m, speed_mps, heading_rad = view.motion[row, :4].tolist()
    id = int(view.ids[row])
    return Party(id, ObjectClass(int(view.classes[row])), view.vehicles.get(id, ""), east_m, north_m, speed_mps, heading_rad)


def _entry_json(entry: _Entry) -> dict[str, Any]:
    warning = {name: getattr(entry.warning, name) for name in Warning.__slots__ if name not in ("parties", "cause")}
    parties = [[getattr(party, name) for name in Party.__slots__] for party in entry.warning.parties]
    cause = [entry.warning.cause.station, entry.warning.cause.sequence]
    state = {"rule": entry.rule, "harmless_since_ns": entry.harmless_since_ns, "answers": entry.answers}
    return {"warning": warning, "parties": parties, "cause": cause, **state}


def _entry(stored: dict[str, Any]) -> _Entry:
    first, second = (Party(party[0], ObjectClass(party[1]), *party[2:]) for party in stored["parties"])
    named = stored["warning"]
    kinds = {"kind": WarningKind(named["kind"]), "state": WarningState(named["state"]), "severity": Severity(named["severity"])}
    warning = Warning(**{**named, **kinds, "parties": (first, second), "cause": Cause(*stored["cause"])})
    answers = tuple((author, answer) for author, answer in stored["answers"])
    return _Entry(warning, stored["rule"], stored["harmless_since_ns"], answers)
