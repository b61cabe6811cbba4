"""The readable twin of `intersections._conflicts`: every pair judged one at a time, in plain formulas.

Three questions are asked of a pair, and the most urgent answer is kept:

* Does one follow the other on a way it may take? Then: how hard must it brake (`required_deceleration`)?
* Do both come to one conflict zone, with nobody predicted to stop or give way before it? Then: when is each in it
  (front in, rear out), TTC = the later entry, PET = the gap between one's leaving and the other's entering, and the probability
  that both are in it at once, their arrivals being normal.
* Does one of them follow no lane? Then: when do the two bodies first touch on their trajectories, and how probable is it that they
  pass nearer than their half widths?
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.conflicts import ConflictConfig, ConflictKind, Rule, TrackRows
from intersections.lamps import LAMP_PROTECTED, LAMP_STOP
from intersections.localize import UserRole
from intersections.paths import ElementKind, Paths, ZoneRule

Floats = NDArray[np.float64]

SAMPLE_S, SAMPLES = 0.2, 31
BRAKING_MPS2 = 1.0  # weaker deceleration is not told from noise
FREEDOM_PER_S = 0.03  # drivers change their speed by some 3 % a second without a reason that we know
REQUIRED_MAX_MPS2 = 20.0
YIELD_SLACK_M, STOP_SLACK_M = 0.5, 1.0
UNEXPECTED_MPS2 = 5.5  # nobody expects the one ahead to brake harder
LATE_BRAKING_MPS2, BRAKING_SHARE = 1.0, 1.15  # who brakes already may have to brake that much more
TOUCH_M = 0.2
BOX_MARGIN_M = 1.0
HASTY_TURN, SLOW_TURN = 0.3, 0.6  # likelihood of a turn where the lane leads straight on as well


def required_deceleration(own_mps: float, gap_m: float, speed_mps: float, acceleration_mps2: float, reaction_s: float) -> float:
    """Constant deceleration after `reaction_s` that just avoids the one ahead, m/s2 (Brunson et al. 2002, DOT HS 809 526)."""
    braking = -acceleration_mps2 if acceleration_mps2 < -BRAKING_MPS2 and speed_mps > 0 else 0.0
    rolling_s = min(reaction_s, speed_mps / braking) if braking else reaction_s
    room_m = gap_m + speed_mps * rolling_s - 0.5 * braking * rolling_s**2 - own_mps * reaction_s
    ahead_mps = max(0.0, speed_mps - braking * reaction_s)
    if own_mps <= ahead_mps and not braking:
        return 0.0
    if room_m <= 0.05:
        return REQUIRED_MAX_MPS2 if own_mps > ahead_mps else 0.0
    if not braking:
        return min(REQUIRED_MAX_MPS2, (own_mps - ahead_mps) ** 2 / (2 * room_m))
    both_stop = own_mps**2 / (2 * (room_m + ahead_mps**2 / (2 * braking)))
    if own_mps * braking < ahead_mps * both_stop and own_mps > ahead_mps:  # they would touch while the leader still rolls
        both_stop = braking + (own_mps - ahead_mps) ** 2 / (2 * room_m)
    return min(REQUIRED_MAX_MPS2, both_stop)


def within(offset: float, half_width: float, sigma: float) -> float:
    """Probability that a normal offset lies within the half width."""
    if sigma <= 0:
        return float(abs(offset) <= half_width)
    scale = sigma * math.sqrt(2)
    return 0.5 * (math.erf((half_width - offset) / scale) + math.erf((half_width + offset) / scale))


@dataclass(frozen=True, slots=True)
class Span:
    """When somebody is in a zone: `enters_m` from his front to it, start and end, variance of the start."""

    enters_m: float
    start_s: float
    end_s: float
    variance_s2: float


@dataclass(frozen=True, slots=True)
class Encounter:
    first: int
    second: int
    kind: ConflictKind
    rule: Rule
    ttc_s: float
    pet_s: float
    required_mps2: float
    probability: float
    east_m: float
    north_m: float

    @property
    def urgency(self) -> float:
        by_braking = self.rule is Rule.BY_BRAKING
        return self.probability * (self.required_mps2 / 3.0 if by_braking else 5.0 / (self.ttc_s + 0.5))


def overlap_probability(first: Span, second: Span) -> float:
    """Probability that both are in the zone at once."""
    ahead_s = second.start_s - first.start_s
    early_s, late_s = first.end_s - first.start_s, second.end_s - second.start_s
    sigma_s = math.sqrt(first.variance_s2 + second.variance_s2)
    if sigma_s <= 0:
        return float(-late_s < ahead_s < early_s)
    scale = sigma_s * math.sqrt(2)
    return 0.5 * (math.erf(min((early_s - ahead_s) / scale, 10.0)) + math.erf(min((late_s + ahead_s) / scale, 10.0)))


class JudgeModel:
    """Takes what `Judge` takes and fills the same arrays, pairs in order of their rows."""

    def __init__(self, tracks: TrackRows, paths: Paths, lamps: Any, config: ConflictConfig) -> None:
        self._t, self._paths, self._lamps, self._config = tracks, paths, lamps, config

    def find(self, pairs: Any, values: Floats, _cell_m: float) -> tuple[int, int]:
        found = judged = 0
        boxes = [self._box(row) for row in range(len(self._t.motion))]
        for a, b in combinations(range(len(boxes)), 2):
            apart = (boxes[a][0] > boxes[b][1]).any() or (boxes[b][0] > boxes[a][1]).any()
            if apart or not self._candidate(a, b):
                continue
            judged += 1
            kept = [met for met in self._encounters(a, b) if self._counts(met)]
            if kept:
                worst = max(kept, key=lambda met: met.urgency)
                pairs[found] = worst.first, worst.second, worst.kind, worst.rule
                values[found] = worst.ttc_s, worst.pet_s, worst.required_mps2, worst.probability, worst.east_m, worst.north_m
                found += 1
        return found, judged

    def _box(self, row: int) -> tuple[Floats, Floats]:
        swept = np.vstack((self._t.motion[row, :2], *self._t.samples[row, : self._t.routes[row]]))
        margin_m = self._t.size_m[row, 0] / 2 + BOX_MARGIN_M
        return swept.min(axis=0) - margin_m, swept.max(axis=0) + margin_m

    def _candidate(self, a: int, b: int) -> bool:
        if not (self._t.updated[a] or self._t.updated[b]) or UserRole.UNSETTLED in (self._t.role[a], self._t.role[b]):
            return False
        return any(self._t.role[i] == UserRole.MOTOR and self._t.moving[i] for i in (a, b))

    def _counts(self, met: Encounter) -> bool:
        enough = met.rule is Rule.BY_TIME or met.required_mps2 >= self._config.least_required_mps2
        return enough and met.probability >= self._config.least_probability

    def _encounters(self, a: int, b: int) -> Iterator[Encounter]:
        if self._t.element[a] < 0 or self._t.element[b] < 0:
            for r in range(self._t.routes[a]):
                for q in range(self._t.routes[b]):
                    yield from self._contact(a, r, b, q)
            return
        yield from self._following(a, b)
        yield from self._following(b, a)
        yield from self._in_zones(a, b)

    # One behind the other

    def _following(self, a: int, b: int) -> Iterator[Encounter]:
        t = self._t
        if t.role[a] != UserRole.MOTOR or not t.moving[a]:
            return
        speed_mps = t.motion[b, 2] if t.moving[b] else 0.0
        for k in range(t.visits[a]):
            if t.visited[a, k] != t.element[b]:
                continue
            ahead_m = t.travel[a, k, 0] + t.place[b, 0]
            gap_m = ahead_m - (t.size_m[a, 0] + t.size_m[b, 0]) / 2
            if ahead_m <= 0 or gap_m < -0.5 * min(t.size_m[a, 0], t.size_m[b, 0]) or gap_m > t.travel[a, k, 1]:
                continue  # behind, one body seen twice, or beyond where a will stop
            lateral_m = t.place[b, 1] - (t.place[a, 1] if t.parent[a, k] < 0 else 0.0)
            probability = within(lateral_m, (t.size_m[a, 1] + t.size_m[b, 1]) / 2, math.hypot(t.sigma[a, 0], t.sigma[b, 0]))
            closing_mps = t.motion[a, 2] - speed_mps
            ttc_s = max(gap_m, 0.0) / closing_mps if closing_mps > 0 else math.inf
            required = self._required(a, gap_m, speed_mps, t.motion[b, 5], expected=True)
            if required >= self._config.least_required_mps2 and not self._may_pass(a, b):
                yield Encounter(a, b, ConflictKind.FCW, Rule.BY_BRAKING, ttc_s, math.nan, required, probability, *t.motion[b, :2])

    def _may_pass(self, a: int, b: int) -> bool:
        """Whether one of several ways of a leads clear of where b is now."""
        if self._t.routes[a] < 2:
            return False
        x_m, y_m, _, heading_rad = self._t.motion[b, :4]
        half_m = self._t.size_m[b, 0] / 2
        body = ((x_m - math.sin(heading_rad) * half_m, y_m - math.cos(heading_rad) * half_m), (x_m, y_m))
        clear_m = (self._t.size_m[a, 1] + self._t.size_m[b, 1]) / 2
        ways = self._t.samples[a, : self._t.routes[a]]
        return any(all(_distance_m(way, point) >= clear_m for point in body) for way in ways)

    def _required(self, a: int, gap_m: float, speed_mps: float, acceleration_mps2: float, *, expected: bool) -> float:
        """What a's driver must brake with: after the reaction time, or now where he is attentive or braking already."""
        own_mps, braking = self._t.motion[a, 2], -self._t.motion[a, 5]
        now = required_deceleration(own_mps, max(gap_m, 0.0), speed_mps, acceleration_mps2, 0.0)
        if expected and self._t.attentive[a] and now <= self._bearable(a) and acceleration_mps2 > -UNEXPECTED_MPS2:
            return 0.0
        if braking > BRAKING_MPS2:
            return now if now > braking else 0.0
        return required_deceleration(own_mps, max(gap_m, 0.0), speed_mps, acceleration_mps2, self._config.reaction_s)

    def _bearable(self, i: int) -> float:
        late = float(self._t.late_mps2[i])
        return max(late, min(late + LATE_BRAKING_MPS2, -BRAKING_SHARE * float(self._t.motion[i, 5])))

    # Both in one zone

    def _in_zones(self, a: int, b: int) -> Iterator[Encounter]:
        """Where a track may be on one of several paths, a conflict counts if it is one on each of them."""
        met: list[tuple[int, int, Encounter]] = []
        for k in range(self._t.visits[a]):
            number = self._t.visited[a, k]
            for z in range(self._paths.zone_start[number], self._paths.zone_start[number + 1]):
                for m in range(self._t.visits[b]):
                    if self._t.visited[b, m] == self._paths.zone_other[z]:
                        met += [(self._root(a, k), self._root(b, m), one) for one in self._in_zone(a, k, b, m, z) if self._counts(one)]
        every_a = {self._root(a, k) for k in range(self._t.visits[a])}
        every_b = {self._root(b, m) for m in range(self._t.visits[b])}
        if {root for root, _, _ in met} == every_a and {root for _, root, _ in met} == every_b:
            yield from (one for _, _, one in met)

    def _root(self, i: int, k: int) -> int:
        while self._t.parent[i, k] >= 0:
            k = int(self._t.parent[i, k])
        return k

    def _in_zone(self, a: int, k: int, b: int, m: int, z: int) -> Iterator[Encounter]:
        t, paths = self._t, self._paths
        rule, ea, eb = ZoneRule(int(paths.zone_rule[z])), int(t.visited[a, k]), int(t.visited[b, m])
        crossing, merge = ElementKind.CROSSING, ZoneRule.MERGE in rule
        trim_a_m = 0.0 if merge or paths.kinds[eb] == crossing else paths.half_width_m[eb] - t.size_m[b, 1] / 2
        trim_b_m = 0.0 if merge or paths.kinds[ea] == crossing else paths.half_width_m[ea] - t.size_m[a, 1] / 2
        first = self._occupies(a, k, *paths.zone_m[z, :2].tolist(), trim_m=trim_a_m)
        second = self._occupies(b, m, *paths.zone_m[z, 2:].tolist(), trim_m=trim_b_m)
        if first is None or second is None or self._stops_late(a, k, first) or self._stops_late(b, m, second):
            return
        if ZoneRule.OWN_YIELDS in rule and self._gives_way(a, ea, b, eb, first):
            return
        if ZoneRule.OTHER_YIELDS in rule and self._gives_way(b, eb, a, ea, second):
            return
        ttc_s = max(first.start_s, second.start_s)
        if ttc_s > self._config.horizon_s:
            return
        probability = overlap_probability(first, second) * self._likelihood(a, k) * self._likelihood(b, m)
        pet_s = max(0.0, first.start_s - second.end_s, second.start_s - first.end_s)
        warned, other, kind = self._named(a, b)
        rule_of_alarm = Rule.BY_TIME if t.moving[a] and t.moving[b] else Rule.BY_BRAKING
        required = self._required(warned, (first if warned == a else second).enters_m, 0.0, 0.0, expected=True)
        yield Encounter(warned, other, kind, rule_of_alarm, ttc_s, pet_s, required, probability, *paths.zone_place_m[z])

    def _likelihood(self, i: int, k: int) -> float:
        """Straight on is likelier than a turn; who is too fast for it and does not brake hardly turns at all."""
        number = self._t.visited[i, k]
        if not self._paths.straight[number] or self._t.parent[i, k] < 0:
            return 1.0
        hasty = self._t.motion[i, 2] > self._paths.curve_mps[number] + 1.0 and self._t.motion[i, 5] > -BRAKING_MPS2
        return HASTY_TURN if hasty else SLOW_TURN

    def _occupies(self, i: int, k: int, from_m: float, to_m: float, *, trim_m: float) -> Span | None:
        """When track i is in the stretch of its visit k; None if it never is."""
        t, number = self._t, int(self._t.visited[i, k])
        speed, half_m, last_m = t.motion[i, 2], t.size_m[i, 0] / 2, t.travel[i, k, 1]
        if self._paths.kinds[number] == ElementKind.CROSSING and math.cos(t.place[i, 2]) < 0:
            from_m, to_m = self._paths.length_m[number] - to_m, self._paths.length_m[number] - from_m
        trim_m = max(0.0, min(trim_m, (to_m - from_m - 1.0) / 2))
        enters_m = t.travel[i, k, 0] + from_m + trim_m - half_m
        leaves_m = t.travel[i, k, 0] + to_m - trim_m + half_m
        if leaves_m <= 0:
            return None
        if not t.moving[i]:
            return Span(enters_m, 0.0, math.inf, 0.0) if enters_m < 0 else None
        if t.motion[i, 5] < -BRAKING_MPS2:
            last_m = min(last_m, speed**2 / (-2 * t.motion[i, 5]))
        if enters_m > 0 and enters_m >= last_m:
            return None
        start_s = max(0.0, enters_m / speed)
        wander_m = 0.5 * FREEDOM_PER_S * speed * start_s**2
        variance = (t.sigma[i, 0] ** 2 + (start_s * t.sigma[i, 1]) ** 2 + wander_m**2) / speed**2
        return Span(enters_m, start_s, leaves_m / speed if last_m >= leaves_m else math.inf, variance)

    def _stops_late(self, i: int, k: int, span: Span) -> bool:
        """Facing red, hard on the line or beyond it, but before the zone."""
        number = int(self._t.visited[i, k])
        to_line_m = self._t.travel[i, k, 0] - self._paths.stop_back_m[number] - self._t.size_m[i, 0] / 2 + STOP_SLACK_M
        if self._lamps[number] != LAMP_STOP or self._paths.kinds[number] == ElementKind.CROSSING or to_line_m <= 0 or span.enters_m <= 0:
            return False
        return bool(self._t.motion[i, 2] ** 2 <= 2 * self._bearable(i) * min(to_line_m, span.enters_m + YIELD_SLACK_M))

    def _gives_way(self, own: int, own_element: int, other: int, other_element: int, span: Span) -> bool:
        """Whether the map's yield holds under these lamps and can still be done."""
        if self._paths.kinds[other_element] == ElementKind.CROSSING:
            if self._t.unlawful[other]:
                return False
        elif self._lamps[own_element] == LAMP_PROTECTED and self._lamps[other_element] == LAMP_STOP:
            return False
        room_m = span.enters_m + YIELD_SLACK_M
        return room_m > 0 and (not self._t.moving[own] or self._t.motion[own, 2] ** 2 <= 2 * self._bearable(own) * room_m)

    # One of them follows no lane

    def _contact(self, a: int, r: int, b: int, q: int) -> Iterator[Encounter]:
        """First touch of the two bodies. Who touches already cannot be warned any more, or is one body seen twice."""
        t = self._t
        apart = t.samples[b, q] - t.samples[a, r]
        k = next((k for k in range(SAMPLES) if self._touch(a, r, b, q, k, apart[k])), 0)
        step = apart[k] - apart[k - 1]
        closing_mps = math.hypot(*step) / SAMPLE_S
        if k == 0 or closing_mps < 0.3:
            return
        low, high = 0.0, 1.0
        for _ in range(4):
            middle = (low + high) / 2
            low, high = (low, middle) if self._touch(a, r, b, q, k, apart[k - 1] + middle * step) else (middle, high)
        ttc_s = (k - 1 + high) * SAMPLE_S
        if ttc_s > self._config.horizon_s:
            return
        ha, hb = self._direction(a, r, k), self._direction(b, q, k)
        probability = self._miss_probability(a, ha, b, hb, apart[k - 1], step, ttc_s)
        place = (t.samples[a, r, k] + t.samples[b, q, k]) / 2
        warned, other, kind = self._named(a, b)
        rule = Rule.BY_TIME if kind is ConflictKind.ICW else Rule.BY_BRAKING
        required = self._required(warned, t.motion[warned, 2] * ttc_s, 0.0, 0.0, expected=kind is not ConflictKind.VRUCW)
        if kind is ConflictKind.ICW and float(ha @ hb) > 0.7:  # the same way: whoever is behind has to brake
            ahead = float((t.motion[b, :2] - t.motion[a, :2]) @ ha) > 0
            warned, other = (a, b) if ahead else (b, a)
            kind, rule = ConflictKind.FCW, Rule.BY_BRAKING
            required = self._required(warned, closing_mps * ttc_s, t.motion[other, 2], t.motion[other, 5], expected=True)
        yield Encounter(warned, other, kind, rule, ttc_s, math.nan, required, probability, *place)

    def _named(self, a: int, b: int) -> tuple[int, int, ConflictKind]:
        """Who is warned (the moving motor vehicle; of two, the lower row), the other one, and of what."""
        t = self._t
        warned, other = (a, b) if t.role[a] == UserRole.MOTOR and t.moving[a] else (b, a)
        if UserRole.VULNERABLE in (t.role[a], t.role[b]):
            return warned, other, ConflictKind.VRUCW
        return warned, other, ConflictKind.ICW if t.moving[a] and t.moving[b] else ConflictKind.FCW

    def _direction(self, i: int, r: int, k: int) -> Floats:
        at = min(k, SAMPLES - 2)
        step = self._t.samples[i, r, at + 1] - self._t.samples[i, r, at]
        size = math.hypot(*step)
        heading = self._t.motion[i, 3]
        return np.array((math.sin(heading), math.cos(heading))) if size < 0.02 else np.asarray(step / size)

    def _touch(self, a: int, r: int, b: int, q: int, k: int, apart: Floats) -> bool:
        """Separating axes of two rectangles (Gottschalk et al. 1996), each grown by half of TOUCH_M."""
        ha, hb = self._direction(a, r, k), self._direction(b, q, k)
        grown_a, grown_b = (self._t.size_m[i] / 2 + TOUCH_M / 2 for i in (a, b))
        for axis in (ha, _right(ha), hb, _right(hb)):
            reach_m = grown_a @ np.abs((axis @ ha, axis @ _right(ha))) + grown_b @ np.abs((axis @ hb, axis @ _right(hb)))
            if abs(apart @ axis) > reach_m:
                return False
        return True

    def _miss_probability(self, a: int, ha: Floats, b: int, hb: Floats, apart: Floats, step: Floats, time_s: float) -> float:
        """Probability that the centres pass nearer than the half widths across the relative motion."""
        across = _right(step / math.hypot(*step))
        half_m = sum(
            float(self._t.size_m[i] / 2 @ np.abs((across @ heading, across @ _right(heading)))) for i, heading in ((a, ha), (b, hb))
        )
        return within(float(apart @ across), half_m, math.sqrt(self._miss_variance(a, time_s) + self._miss_variance(b, time_s)))

    def _miss_variance(self, i: int, time_s: float) -> float:
        position_m, speed_mps, heading_rad = self._t.sigma[i]
        if not self._t.moving[i]:
            return float(position_m**2)
        heading_rad = heading_rad if self._t.element[i] < 0 else 0.0
        return float(position_m**2 + (time_s * speed_mps) ** 2 + (time_s * self._t.motion[i, 2] * heading_rad) ** 2)


def sift(pairs: NDArray[np.int32], values: Floats, bounds: Floats, ids: Any, fresh: Any, rows: Any, keys: Any, raised: Any) -> int:
    """Twin of `_conflicts.sift`: both columns of the bounds, to raise and to hold, at once."""
    bound = bounds[pairs[:, 2]]
    ttc_s, _, required_mps2, probability = (values[:, column, None] for column in range(4))
    enough = np.where(pairs[:, 3, None] == Rule.BY_BRAKING, required_mps2 > bound[:, :, 1], ttc_s <= bound[:, :, 0])
    passed = enough & (probability >= bound[:, :, 2])
    raises = passed[:, 0] & fresh[pairs[:, :2]].all(axis=1)
    kept = np.flatnonzero(raises | passed[:, 1])
    rows[: len(kept)], raised[: len(kept)] = kept, raises[kept]
    keys[: len(kept)] = np.column_stack((pairs[kept, 2], np.sort(ids[pairs[kept, :2]], axis=1)))
    return len(kept)


def _right(axis: Floats) -> Floats:
    return np.array((axis[1], -axis[0]))


def _distance_m(way: Floats, point: tuple[float, float]) -> float:
    """From a point to a sampled way."""
    starts, steps = way[:-1], np.diff(way, axis=0)
    squared = np.einsum("ij,ij->i", steps, steps)
    relative = np.asarray(point) - starts
    part = np.clip(np.divide(np.einsum("ij,ij->i", relative, steps), squared, out=np.zeros(len(steps)), where=squared > 0), 0, 1)
    return float(np.hypot(*(relative - part[:, None] * steps).T).min())
