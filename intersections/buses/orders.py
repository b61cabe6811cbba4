"""What a dispatcher wants of a driver, from proposal to effect. The words; the life of an order is in `order_book`."""

from dataclasses import dataclass
from enum import IntEnum


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
    """`why`: one sentence for the dispatcher. `confidence`: 0 to 1."""

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
    author: str
