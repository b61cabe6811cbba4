"""What the buses of a network decide and tell; `v2x.dispatch_messages` turns each into its message.

`intersection` is the network's name among the road's intersections.
"""

from dataclasses import dataclass

from intersections.buses.orders import Acknowledgement, ActAnswer, DispatchOrder, OrderRecord, OrderVerdict
from intersections.buses.samples import BusState, Prediction, Predictor, StopCall


@dataclass(frozen=True, slots=True)
class OrderSent:
    """To one vehicle. `stop`: id; `at_ns`: when to leave, 0 for orders that name no time."""

    intersection: str
    time_ns: int
    order: DispatchOrder
    stop: str
    stop_name: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class OrderNews:
    """To dispatchers: an order as it stands since `record.changed_ns`."""

    intersection: str
    time_ns: int
    record: OrderRecord


@dataclass(frozen=True, slots=True)
class AnswerRefused:
    """To the vehicle that answered."""

    intersection: str
    time_ns: int
    said: Acknowledgement
    verdict: OrderVerdict


@dataclass(frozen=True, slots=True)
class ActDone:
    """To the dispatcher whose act it was."""

    intersection: str
    time_ns: int
    answer: ActAnswer


@dataclass(frozen=True, slots=True, eq=False)
class BusReport:
    """Where all buses are and when they will come, each period; the stop calls since the last."""

    intersection: str
    time_ns: int
    states: tuple[BusState, ...]
    calls: tuple[StopCall, ...]
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class BoardArrival:
    """A bus at a stop ahead. `early_ns`, `likely_ns`, `late_ns`: the 10, 50 and 90 % quantiles."""

    trip: str
    vehicle: str
    direction: str
    scheduled_ns: int
    early_ns: int
    likely_ns: int
    late_ns: int
    predictor: Predictor


@dataclass(frozen=True, slots=True)
class ArrivalBoard:
    """To passengers: the next buses of a line at a stop, the soonest first. `stop`: id."""

    intersection: str
    time_ns: int
    stop: str
    stop_name: str
    line: str
    arrivals: tuple[BoardArrival, ...]


DispatchDecision = OrderSent | OrderNews | AnswerRefused | ActDone | BusReport | ArrivalBoard
