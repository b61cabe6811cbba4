"""What a dispatcher wants of a driver, from proposal to effect. The words; the life of an order is in `order_book`.

Rules:
* A driver has one order at a time; a newer one replaces it. Texts, and what the platform does itself, come beside.
* After `valid_until_ns` nobody acts on an order, however it came to be late.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

NEVER_NS = 2**63 - 1


class OrderKind(IntEnum):
    DEPART_AT = 0  # leave the terminal at `value` (s of the service day)
    HOLD = 1  # stay at `stop` for `value` s beyond what boarding takes
    DEPART_NOT_BEFORE = 2  # leave `stop` not before `value` (s of the service day): schedule holding
    SPEED = 3  # drive at most or about `value` m/s until `stop`
    PRIORITY = 4  # ask the signals ahead for priority up to `stop`; addressed to the platform, not to the driver
    INSERT = 5  # standby bus begins `trip` at `stop`
    CANCEL = 6  # `trip` is not run any further from `stop` on
    TEXT = 7


class OrderState(IntEnum):
    PROPOSED = 0
    ACCEPTED = 1  # by the dispatcher, or by rule
    SENT = 2
    ACKNOWLEDGED = 3
    CARRIED_OUT = 4
    REJECTED = 5  # by the driver, with a reason
    NOT_CARRIED_OUT = 6  # acknowledged, and the positions say otherwise
    TIMED_OUT = 7  # no answer by `valid_until_ns`
    SUPERSEDED = 8
    WITHDRAWN = 9
    DECLINED = 10  # a proposal that the dispatcher did not want
    EXPIRED = 11  # a proposal nobody accepted in time


class DispatchMode(IntEnum):
    """How the proposals of a line become orders."""

    ADVISE = 0  # they are shown only: a dispatcher orders by hand
    CONFIRM = 1  # a dispatcher accepts them
    AUTOMATIC = 2  # within limits they are accepted by rule


@dataclass(frozen=True, slots=True)
class Effect:
    """Passenger-seconds saved (positive) or lost, and operator time in bus-seconds, against what would have been without the order."""

    waiting_s: float
    in_vehicle_s: float
    operator_s: float

    @property
    def total_s(self) -> float:
        return self.waiting_s + self.in_vehicle_s


@dataclass(frozen=True, slots=True)
class Proposal:
    """`why`: one sentence for the dispatcher. `confidence`: 0 to 1.

    `valid_until_ns` is the order's that is made of it: it has to cover its carrying out (a departure, reaching the stop).
    """

    kind: OrderKind
    line: str
    vehicle: str
    trip: str
    stop: int
    value: float
    why: str
    predicted: Effect
    confidence: float
    made_ns: int
    valid_until_ns: int


@dataclass(frozen=True, slots=True)
class DispatchOrder:
    """`version` counts changes of one `id`; a driver obeys the highest he has heard, and none after `valid_until_ns`."""

    id: str
    version: int
    kind: OrderKind
    line: str
    vehicle: str
    trip: str
    stop: int
    value: float
    text: str
    issued_ns: int
    valid_until_ns: int
    author: str  # RULE, or the dispatcher who accepted, changed or gave it
    withdrawn: bool = False  # the last version of an order that is not wanted any more


RULE = "rule"


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as it stands: what the book keeps, and tells at each change. `measured`: None until it is known, if ever."""

    order: DispatchOrder
    state: OrderState
    changed_ns: int
    reason: str = ""  # of the latest change
    why: str = ""
    confidence: float = 1.0
    predicted: Effect | None = None
    measured: Effect | None = None
    counterfactual: str = ""  # what would have been without it; against this `measured` is reckoned


class Answer(StrEnum):
    """What comes back from a vehicle; the words of the schema `command`."""

    RECEIVED = "RECEIVED"  # it is shown to the driver
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    DONE = "DONE"  # says the driver; whether it was carried out is seen from positions


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    order: str
    version: int
    vehicle: str
    answer: Answer
    reason: str
    received_ns: int


class ActKind(IntEnum):
    """What dispatchers do."""

    ACCEPT = 0
    CHANGE = 1  # a proposal, which is thereby accepted, or an order, whose next version it is
    DECLINE = 2
    ORDER = 3  # by hand
    WITHDRAW = 4
    HEADWAY = 5  # sets the target headway of a line; 0: as planned
    MODE = 6  # sets the mode of a line


@dataclass(frozen=True, slots=True)
class DispatchAct:
    """One act of a dispatcher; what its kind does not need has no meaning.

    `order`, `version`: of what it is about; version 0: whichever it is now. `value`: of the order, or the headway, s.
    `trip`, `line` '': the vehicle's present ones; `stop` -1: its next.
    """

    id: str
    kind: ActKind
    author: str
    received_ns: int
    order: str = ""
    version: int = 0
    order_kind: OrderKind = OrderKind.TEXT
    line: str = ""
    vehicle: str = ""
    trip: str = ""
    stop: int = -1
    value: float = 0.0
    text: str = ""
    valid_until_ns: int = 0
    mode: DispatchMode = DispatchMode.CONFIRM


class OrderVerdict(StrEnum):
    """What became of an act, an acknowledgement or a proposal."""

    TAKEN = "taken"
    DUPLICATE = "heard before"
    UNKNOWN_ORDER = "no order has this id"
    UNKNOWN_VEHICLE = "this vehicle is not seen"
    UNKNOWN_LINE = "the network has no such line"
    NOT_YOURS = "the order is another vehicle's"
    STALE_VERSION = "it is about another version of the order"
    TOO_LATE = "the order is not open any more"
    EXPIRED = "valid_until has passed"
    MALFORMED = "a value is out of range"
    OVER_LIMIT = "beyond what the limits allow"
    ADVISED_ONLY = "the line's proposals are shown only: order by hand, or set its mode"
    DECLINED_BEFORE = "a dispatcher or the driver did not want it"
    BUSY = "the driver has an order already"
    FULL = "too many orders are open"


@dataclass(frozen=True, slots=True)
class ActAnswer:
    """`order`: the order the act was about or made, '' for none."""

    act: str
    verdict: OrderVerdict
    order: str = ""
    version: int = 0
