"""Whatever comes back in, by any way, as a CommandSample: acknowledgements and operators' acts, in JSON by the schema `command`.

Rules:
* `command_sample(encode_command(sample), sample.received_ns) == sample`: the log holds the JSON, replay makes the sample again.
* Construction is validation; what cannot be taken raises WireError with the reason its sender is told.
* A command takes effect once: an author's id is remembered as long as the command could still be valid.
"""

import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from urllib.parse import unquote

import orjson

from intersections.decisions import WarningKind
from intersections.samples import CommandKind, CommandSample
from positioning.samples import Verdict
from v2x.arrivals import Arrival, ArrivalKind
from v2x.errors import WireError
from v2x.messages import TOPIC_ROOT, rfc3339_ns

MAX_COMMAND_BYTES = 4096  # ten times what any command needs
MAX_TEXT = 200
MAX_VERSION = 1_000_000
MAX_VALIDITY_NS = 24 * 3600 * 1_000_000_000  # a longer silence has to be repeated by somebody who still wants it
REMEMBERED_COMMANDS = 8192
COMMANDS_PER_SECOND = 50  # for all authors together: the input queue never drops a command, so they are limited here

ACKNOWLEDGEMENT_VALIDITY_NS = 10_000_000_000
ANSWERS = ("RECEIVED", "ACCEPTED", "REJECTED", "DONE")  # numbered from 1 in `vehicle.proto`

COMMAND_CHANNEL = "command"
ORDER_ACK_CHANNEL = "order-ack"
CHANNEL_KINDS = {
    COMMAND_CHANNEL: frozenset({CommandKind.RESET_TRACKS, CommandKind.SILENCE, CommandKind.RESET_SIGNALS}),
    ORDER_ACK_CHANNEL: frozenset({CommandKind.ACKNOWLEDGEMENT}),
}
KIND_NAMES = {
    "acknowledgement": CommandKind.ACKNOWLEDGEMENT,
    "reset-tracks": CommandKind.RESET_TRACKS,
    "silence": CommandKind.SILENCE,
    "reset-signals": CommandKind.RESET_SIGNALS,
    "plan-overrun": CommandKind.PLAN_OVERRUN,  # in the log only: no channel takes it
}
_NAME_OF_KIND = {kind: name for name, kind in KIND_NAMES.items()}

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def command_sample(payload: bytes, received_ns: int) -> CommandSample:
    """The sample in `payload`; raises WireError."""
    if len(payload) > MAX_COMMAND_BYTES:
        raise WireError(Verdict.OVERSIZED, f"{len(payload)} bytes, at most {MAX_COMMAND_BYTES} are taken")
    fields = _fields(payload)
    kind = KIND_NAMES.get(_text(fields, "kind"))
    if kind is None:
        raise WireError(Verdict.MALFORMED, f"kind has to be one of {', '.join(KIND_NAMES)}")
    sample = CommandSample(
        id=_identifier(fields, "id"),
        kind=kind,
        intersection=_identifier(fields, "intersection"),
        author=_identifier(fields, "author"),
        about=_text(fields, "about", ""),
        answer=_text(fields, "answer", ""),
        valid_until_ns=parse_rfc3339(_text(fields, "valid_until")),
        received_ns=received_ns,
        reason=_text(fields, "reason", ""),
        version=_version(fields),
    )
    _KIND_RULES[kind](sample)
    return sample


def encode_command(sample: CommandSample) -> bytes:
    """By the schema `command`."""
    fields = {
        "id": sample.id,
        "kind": _NAME_OF_KIND[sample.kind],
        "intersection": sample.intersection,
        "author": sample.author,
        "about": sample.about,
        "answer": sample.answer,
        "reason": sample.reason,
        "version": sample.version,
        "valid_until": rfc3339_ns(sample.valid_until_ns),
    }
    return orjson.dumps({name: value for name, value in fields.items() if value})


def acknowledgement(vehicle: str, intersection: str, about: str, answer: int, reason: str, received_ns: int) -> CommandSample:
    """What a vehicle answers by gRPC (`answer` numbered as in `vehicle.proto`); raises WireError as its JSON form would."""
    if not 1 <= answer <= len(ANSWERS):
        raise WireError(Verdict.MALFORMED, f"answer {answer} is none of 1..{len(ANSWERS)}")
    sample = CommandSample(
        id=f"ack-{received_ns}",
        kind=CommandKind.ACKNOWLEDGEMENT,
        intersection=intersection,
        author=vehicle,
        about=about,
        answer=ANSWERS[answer - 1],
        valid_until_ns=received_ns + ACKNOWLEDGEMENT_VALIDITY_NS,
        received_ns=received_ns,
        reason=reason[:MAX_TEXT],
    )
    return command_sample(encode_command(sample), received_ns)


def command_arrival(sample: CommandSample, payload: bytes) -> Arrival:
    """What the input queue takes and the log keeps."""
    return Arrival(ArrivalKind.COMMAND, sample.author, sample.intersection, sample.received_ns, sample.received_ns, payload, sample)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a command came in: `author` is the topic's last word, which the broker's permissions can bind to a user."""

    intersection: str
    channel: str
    author: str


def parse_topic(topic: str) -> Address:
    """`v2x/v1/{region}/{intersection}/{command|order-ack}/{author}`; raises WireError."""
    words = topic.removeprefix(f"{TOPIC_ROOT}/").split("/")
    if len(words) != 4 or words[2] not in CHANNEL_KINDS:
        raise WireError(Verdict.MALFORMED, "the topic has to end in /{intersection}/command/{author} or /{intersection}/order-ack/{author}")
    return Address(unquote(words[1]), words[2], unquote(words[3]))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a command; `address` is None where not even the topic could be read, `sample` where the JSON could not."""

    verdict: Verdict
    text: str
    address: Address | None
    sample: CommandSample | None


class CommandGate:
    """Lets each command of a known intersection in once, in time, from the author its topic names, and not too many a second."""

    def __init__(self, intersections: Collection[str]) -> None:
        self._intersections = frozenset(intersections)
        self._taken: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._recent_ns: deque[int] = deque(maxlen=COMMANDS_PER_SECOND)
        self.verdicts: Counter[Verdict] = Counter()

    def receive(self, topic: str, payload: bytes, received_ns: int, *, retained: bool = False) -> Receipt:
        """What the broker delivered, judged and counted. A retained one would take effect again with every reconnect."""
        address: Address | None = None
        sample: CommandSample | None = None
        verdict, text = Verdict.ACCEPTED, ""
        try:
            address = parse_topic(topic)
            sample = command_sample(payload, received_ns)
            self.admit(sample, address, retained=retained)
        except WireError as error:
            verdict, text = error.verdict, error.text
        self.verdicts[verdict] += 1
        return Receipt(verdict, text, address, sample)

    def admit(self, sample: CommandSample, address: Address, *, retained: bool = False) -> None:
        """Raises WireError with the verdict; otherwise the command is taken and remembered."""
        now_ns = sample.received_ns
        for refused, verdict, text in (
            (retained, Verdict.MALFORMED, "a command must not be published as retained"),
            (sample.intersection not in self._intersections, Verdict.UNKNOWN_INTERSECTION, "the intersection is not served here"),
            (sample.intersection != address.intersection, Verdict.MALFORMED, "intersection differs from the topic's"),
            (sample.author != address.author, Verdict.MALFORMED, "author differs from the topic's"),
            (sample.kind not in CHANNEL_KINDS[address.channel], Verdict.MALFORMED, f"this kind does not belong to {address.channel}"),
            (sample.valid_until_ns <= now_ns, Verdict.STALE, "valid_until has passed"),
            (sample.valid_until_ns > now_ns + MAX_VALIDITY_NS, Verdict.OUT_OF_RANGE, "valid_until lies more than 24 h ahead"),
            ((sample.author, sample.id) in self._taken, Verdict.DUPLICATE, "a command with this id was taken before"),
            (self._too_many(now_ns), Verdict.RATE_LIMITED, f"more than {COMMANDS_PER_SECOND} commands in a second"),
        ):
            if refused:
                raise WireError(verdict, text)
        self._remember(sample)

    def _too_many(self, now_ns: int) -> bool:
        return len(self._recent_ns) == COMMANDS_PER_SECOND and now_ns - self._recent_ns[0] < 1_000_000_000

    def _remember(self, sample: CommandSample) -> None:
        self._recent_ns.append(sample.received_ns)
        self._taken[sample.author, sample.id] = None
        if len(self._taken) > REMEMBERED_COMMANDS:
            self._taken.popitem(last=False)


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since the Unix epoch, exactly; raises WireError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise WireError(Verdict.MALFORMED, "valid_until has to be an RFC 3339 time such as 2026-05-04T08:00:00.000Z")
    whole, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
    except ValueError as error:
        raise WireError(Verdict.MALFORMED, f"valid_until: {error}") from error
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def _fields(payload: bytes) -> Mapping[str, object]:
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise WireError(Verdict.MALFORMED, f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise WireError(Verdict.MALFORMED, "not a JSON object")
    return cast("Mapping[str, object]", fields)


def _text(fields: Mapping[str, object], name: str, default: str | None = None) -> str:
    text = fields.get(name, default)
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise WireError(Verdict.MALFORMED, f"{name} has to be a text of at most {MAX_TEXT} characters")
    return text


def _identifier(fields: Mapping[str, object], name: str) -> str:
    text = _text(fields, name)
    if _ID.fullmatch(text) is None:
        raise WireError(Verdict.MALFORMED, f"{name} has to be 1..64 of A-Z a-z 0-9 . _ : -")
    return text


def _version(fields: Mapping[str, object]) -> int:
    version = fields.get("version", 0)
    if type(version) is not int or not 0 <= version <= MAX_VERSION:
        raise WireError(Verdict.MALFORMED, f"version has to be a whole number from 0 to {MAX_VERSION}")
    return version


def _check_acknowledgement(sample: CommandSample) -> None:
    if not sample.about:
        raise WireError(Verdict.MALFORMED, "about has to name what is acknowledged")
    if sample.answer not in ANSWERS:
        raise WireError(Verdict.MALFORMED, f"answer has to be one of {', '.join(ANSWERS)}")


def _check_silence(sample: CommandSample) -> None:
    if sample.about not in set(WarningKind):
        raise WireError(Verdict.MALFORMED, f"about has to be one of {', '.join(WarningKind)}")


def _check_nothing(sample: CommandSample) -> None:
    """A reset needs no more than what every command has."""


_KIND_RULES: dict[CommandKind, Callable[[CommandSample], None]] = {
    CommandKind.ACKNOWLEDGEMENT: _check_acknowledgement,
    CommandKind.RESET_TRACKS: _check_nothing,
    CommandKind.SILENCE: _check_silence,
    CommandKind.RESET_SIGNALS: _check_nothing,
    CommandKind.PLAN_OVERRUN: _check_nothing,
}
