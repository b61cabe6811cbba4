"""GLOSA: how fast a connected vehicle should come to the stop line so that it need not stop there.

Rules:
* Whoever is ahead in the lane goes first: the time to arrive is when the queue has cleared, not when the lamp turns green.
* Advice makes nobody faster than he would go without, and slows gently and in time. It is never above the limit, never below MIN_SHARE
  of it, and there is none for whoever would get through anyway, would have to stop anyway, or is too near to do anything about it.
* What is advised is a speed and a time from now. No clock of a vehicle enters it; where one was wrong, the road side knows.
* Advice is kept until it would change by more than STEP_MPS: a driver is no cruise control.
* A lamp is believed as far as its message goes: a red ends when it is likely to, if that is known well enough; a green lasts as
  promised, and may be counted on beyond only until it is likely to end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import inf, isfinite, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches
from intersections.signals.arrivals import Arrivals
from intersections.signals.layout import SECOND_NS
from intersections.signals.spat import ASPECT, Aspect, MovementEvent, SpatMessage

COMFORT_MPS2 = 1.0  # braking that nobody minds; hard braking counts from 2 to 3
MIN_SHARE = 0.4  # of the limit: slower, and whoever follows overtakes or despairs
START_UP_S = 2.0  # lost by the first of a queue, HCM 2010 ch. 31
HEADWAY_S = 2.0  # saturation headway, HCM 2010: 1,800 vehicles an hour and lane
SLACK_S = 1.0  # after the vehicle ahead has crossed, and for what is not known to the tenth
WORTH_S = 1.5  # less to lose by arriving as one comes is not worth a word
LET_GO_S = 0.8  # but who has slowed down is told to go only when he will get through
STEP_MPS = 1.0
NEAR_M = 25.0
STANDING_MPS = 1.0
STALE_NS = SECOND_NS  # a message older than this says nothing of now
LIKELY_ENOUGH_NS = 10 * SECOND_NS  # a band wider than this is no time to drive by


class Silence(IntEnum):
    """Why a vehicle is advised nothing."""

    ADVISED = 0
    NO_PROMISE = 1  # no lamp, no message, an old one, a fault, or an end that nobody knows
    PASSES = 2  # gets through as it comes
    TOO_NEAR = 3
    STANDING = 4
    STOPS_ANYWAY = 5  # the time to arrive is farther off than the least speed takes


@dataclass(frozen=True, slots=True)
class SpeedAdvice:
    """`low_mps`..`high_mps` is the band, `advised_mps` in it; `arrive_s`: in how many seconds from now at the stop line."""

    vehicle: int
    group: int
    distance_m: float
    low_mps: float
    high_mps: float
    advised_mps: float
    arrive_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a vehicle is on its way to the stop line, and what it may drive there."""

    distance_m: float
    speed_mps: float
    limit_mps: float


@dataclass(frozen=True, slots=True)
class Window:
    """A group's green, in seconds from now. `closes_s` is inf where nothing ends it that is known, `opens_next_s` where no plan reaches."""

    opens_s: float
    closes_s: float
    opens_next_s: float = inf


CLOSED = Window(inf, inf)


def window(event: MovementEvent | None, now_ns: int) -> Window:
    """When a group can be driven through. Nothing known: never."""
    if event is None or event.timing is None:
        return CLOSED
    timing = event.timing
    aspect = ASPECT.get(event.state)
    opens_next_s = inf if timing.next_ns is None else (timing.next_ns - now_ns) / SECOND_NS
    if aspect is Aspect.OPEN:
        likely = timing.min_end_ns if timing.likely_ns is None else max(timing.min_end_ns, timing.likely_from_ns)
        closes_ns = timing.max_end_ns if timing.likely_ns is None else likely
        return Window(0.0, (closes_ns - now_ns) / SECOND_NS, opens_next_s)
    if aspect is Aspect.CLOSED and timing.likely_ns is not None and timing.likely_until_ns - timing.likely_from_ns <= LIKELY_ENOUGH_NS:
        return Window(max(timing.likely_ns - now_ns, 0) / SECOND_NS, inf)
    return CLOSED if aspect is not None else Window(opens_next_s, inf)


def crossing_s(arrival_s: float, before_s: float, light: Window) -> float:
    """When a vehicle crosses that could be there at `arrival_s`, if the one ahead in its lane crosses at `before_s` (-inf: none)."""
    free_s = max(arrival_s, before_s + HEADWAY_S)
    if light.opens_s <= 0.0 and free_s <= light.closes_s:
        return free_s
    opens_s = light.opens_s if light.opens_s > 0.0 else light.opens_next_s
    return max(free_s, opens_s + START_UP_S) if isfinite(opens_s) else inf


def speed_for(distance_m: float, speed_mps: float, arrive_s: float) -> float:
    """The speed to brake to, at COMFORT_MPS2, and then keep, to be `distance_m` on in `arrive_s`; or the mean speed it takes, if more.

    v - u = a t1, (v + u) / 2 t1 + u (t - t1) = d; solved for u.
    """
    if distance_m >= speed_mps * arrive_s:
        return distance_m / max(arrive_s, 0.1)
    slope = speed_mps - COMFORT_MPS2 * arrive_s
    under = slope * slope - speed_mps * speed_mps + 2.0 * COMFORT_MPS2 * distance_m
    return max(slope + sqrt(under), 0.0) if under >= 0.0 else 0.0


def band(place: Place, free_s: float, cross_s: float, *, advised: bool = False) -> tuple[Silence, float, float]:
    """(why not, low, high) for a vehicle that could arrive at `free_s` and can cross at `cross_s`. Whoever is `advised` already is not
    let go for small reasons: he would only hurry to the end of the queue."""
    least_mps = MIN_SHARE * place.limit_mps
    if not isfinite(cross_s):
        return Silence.NO_PROMISE, 0.0, 0.0
    if cross_s - free_s < (LET_GO_S if advised else WORTH_S):
        return Silence.PASSES, 0.0, 0.0
    if place.speed_mps < STANDING_MPS:
        return Silence.STANDING, 0.0, 0.0
    if place.distance_m < NEAR_M and not advised:
        return Silence.TOO_NEAR, 0.0, 0.0
    own_mps = min(place.speed_mps, place.limit_mps)
    high = min(speed_for(place.distance_m, own_mps, cross_s), place.limit_mps)
    if high < least_mps and not advised:
        return Silence.STOPS_ANYWAY, 0.0, 0.0
    low = speed_for(place.distance_m, own_mps, cross_s + 2.0 * SLACK_S)
    return Silence.ADVISED, max(min(low, high), least_mps), max(high, least_mps)


class SpeedAdvisor:
    """One intersection. Bounded by who is in sight: whoever is gone is forgotten."""

    def __init__(self, approaches: Approaches) -> None:
        self._approaches = approaches
        self._advised_mps: dict[int, float] = {}
        self.counts = dict.fromkeys(Silence, 0)

    @property
    def advised_mps(self) -> MappingProxyType[int, float]:
        return MappingProxyType(self._advised_mps)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        advised = self._advised_mps
        return {"vehicles": np.array(list(advised), np.int64), "advised_mps": np.array(list(advised.values()), np.float64)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._advised_mps = dict(zip(arrays["vehicles"].tolist(), arrays["advised_mps"].tolist(), strict=True))

    def advise(self, now_ns: int, arrivals: Arrivals, spat: SpatMessage | None) -> tuple[SpeedAdvice, ...]:
        """For each connected vehicle that something useful can be said to; 2 Hz is enough."""
        fresh = spat is not None and not spat.void and abs(now_ns - spat.now_ns) <= STALE_NS
        events = spat.events if fresh and spat is not None else ()
        lights = [window(event, now_ns) for event in events]
        given = [advice for advice in self._by_lane(arrivals, lights) if advice is not None]
        self._advised_mps = {advice.vehicle: advice.advised_mps for advice in given}
        return tuple(given)

    def _by_lane(self, arrivals: Arrivals, lights: list[Window]) -> list[SpeedAdvice | None]:
        groups = self._approaches.connection_group[arrivals.connection].tolist()
        limits_mps = self._approaches.lane_speed_mps[arrivals.lane].tolist()
        lanes, arrival_s = arrivals.lane.tolist(), arrivals.arrival_s.tolist()
        distances_m, speeds_mps, vehicles = arrivals.distance_m.tolist(), arrivals.speed_mps.tolist(), arrivals.vehicle.tolist()
        given: list[SpeedAdvice | None] = []
        lane, before_s = -1, -inf
        for row, group in enumerate(groups):
            if lanes[row] != lane:
                lane, before_s = lanes[row], -inf
            light = Window(0.0, inf) if group < 0 else lights[group] if lights else CLOSED
            cross_s = crossing_s(arrival_s[row], before_s, light)
            before_s = cross_s
            if vehicles[row] >= 0:
                place = Place(distances_m[row], speeds_mps[row], limits_mps[row])
                given.append(self._one(vehicles[row], group, place, arrival_s[row], cross_s))
        return given

    def _one(self, vehicle: int, group: int, place: Place, free_s: float, cross_s: float) -> SpeedAdvice | None:
        kept = self._advised_mps.get(vehicle)
        why, low, high = band(place, free_s, cross_s, advised=kept is not None)
        self.counts[why] += 1
        if why is not Silence.ADVISED:
            return None
        wanted = speed_for(place.distance_m, min(place.speed_mps, place.limit_mps), cross_s + SLACK_S)
        wanted = min(max(wanted, low), high)
        advised = kept if kept is not None and abs(wanted - kept) <= STEP_MPS and low <= kept <= high else wanted
        return SpeedAdvice(vehicle, group, place.distance_m, low, high, advised, cross_s)
