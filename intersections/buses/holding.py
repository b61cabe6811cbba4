"""How long a bus that is ready to leave a control stop shall stay: pure, of what is known at that moment.

Rules:
* A hold only delays. Departures d of the bus and of those behind it, none before it is ready, that make the squares of the gaps least are
  the least concave majorant of the ready times: the bus leaves at the steepest of the lines from its leader's departure to a follower's
  arrival. With one follower that is two-way holding, half the difference of both gaps (Daganzo & Pilachowski 2011, Reducing bunching
  with bus-to-bus cooperation); with more, a bus makes room also for a late one that is not its next (prediction-based: Andres & Nair
  2017, A predictive-control framework to address bus bunching).
* Equal gaps need no hold; a follower that is near asks for none.
* The caller limits what is ordered; nothing here knows of limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

FOLLOWERS = 2  # behind these an arrival at this stop is foreseen too badly
EAGER_S = 300.0  # before the time on the stop's board its riders begin to come
GAIN = 0.7  # of the even gap's correction: the rest waits for the next control stop, where more is known


class ReadyBus(Protocol):
    """What is known when a bus is ready to leave a control stop. Times are seconds of the service day."""

    @property
    def now_s(self) -> float: ...
    @property
    def load(self) -> int: ...
    @property
    def planned_headway_s(self) -> float: ...
    @property
    def scheduled_departure_s(self) -> float: ...
    @property
    def forward_headway_s(self) -> float: ...  # since the leader left this stop
    @property
    def followers_eta_s(self) -> Sequence[float]: ...  # when the next buses will be ready here, nearest first


@dataclass(frozen=True, slots=True)
class AtControlStop:
    """A ReadyBus of the road."""

    now_s: float
    load: int
    planned_headway_s: float
    scheduled_departure_s: float
    forward_headway_s: float
    followers_eta_s: tuple[float, ...]
    follower: str = ""  # the trip of the nearest


def hold_s(bus: ReadyBus) -> float:
    """Seconds beyond being ready, on a line that is run by headway; 0 or more."""
    left_s = bus.now_s - bus.forward_headway_s
    even_s = max(
        ((eta_s - left_s) / place for place, eta_s in enumerate(bus.followers_eta_s[:FOLLOWERS], 2)),
        default=min(bus.forward_headway_s, bus.planned_headway_s),
    )
    return max(0.0, GAIN * (even_s - bus.forward_headway_s))


def schedule_hold_s(bus: ReadyBus) -> float:
    """Seconds beyond being ready, on a line whose passengers know the timetable: nobody leaves early; 0 or more."""
    return max(0.0, bus.scheduled_departure_s - bus.now_s)


def missing(early_s: float) -> float:
    """Part of the riders who know the timetable that has not come `early_s` before the time on the board: they come evenly in EAGER_S."""
    return min(max(early_s, 0.0) / EAGER_S, 1.0)
