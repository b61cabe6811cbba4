"""The vehicles of one lane that nobody hears of: followed from the advance loop to the stop line, and as a queue beyond the advance loop.

Rules:
* What the advance loop counts and no connected vehicle explains is inside; what the stop line counts so has left. Never negative.
* Inside they move as any car would: up to the limit, not into the one ahead, connected or not. Order is kept.
* A standing vehicle on the advance loop means a queue beyond it. It grows with the lane's rate, reaches at least to the last standing
  connected vehicle, and ends before the first moving one and with the first gap over the loop.
* Where the loop that counts in cannot be believed, a queue is guessed at: it grows with the lane's rate, and ends with an unused green.
* Counts drift. An unoccupied stop line where one should stand corrects them down, an occupied one where none should stand up.
"""

from dataclasses import dataclass

from intersections.signals.arrivals import ACCELERATION_MPS2

SPACING_M = 6.75  # a standing car with its gap
LEAST_SPACING_M = 5.8  # small cars with 1.5 m between them
MOST_BEYOND = 40  # vehicles: SIGHT_M full of standing cars
STANDS_AFTER_S = 2.0  # an occupied loop that counts nobody for so long has a standing vehicle on it
GAP_S = 3.0  # a free loop for so long ends a queue; two saturation headways
WRONG_AFTER_S = 3.0  # contradiction between the stop line loop and the count until it is corrected
UNUSED_S = 5.0  # of green in which nobody leaves: start-up loss and a gap
CRAWL_MPS = 5.0  # a connected vehicle that is faster has no standing one before it within reach


@dataclass(slots=True)
class Unseen:
    """`connection`: the turn it is taken to make, as a row of Approaches.connection_*."""

    distance_m: float
    speed_mps: float
    waited_s: float
    connection: int


@dataclass(frozen=True, slots=True)
class LaneSeen:
    """What a step knows of the lane. `entered`, `left`: over its loops and explained by no connected vehicle; negative: one explains what
    was counted before. `open`: its lamp is green. `blind`: the upstream loop does not count; `over_*` are of that loop. `known_m`,
    `known_mps`: the lane's connected vehicles from the stop line on."""

    entered: int
    left: int
    open: bool
    blind: bool
    over_passed: int
    over_occupied: bool
    over_holds: bool
    stop_occupied: bool
    stop_holds: bool
    rate_per_s: float
    usual_turn: int  # of who came unnoticed
    known_m: list[float]
    known_mps: list[float]


class UnseenLane:
    """`zone_m`: from the stop line to the loop that counts in; 0 where only the stop line has one."""

    def __init__(self, zone_m: float, limit_mps: float) -> None:
        self.vehicles: list[Unseen] = []  # inside, from the stop line on
        self.beyond = 0.0  # vehicles in the queue upstream of the loop, connected ones included
        self.zone_m = zone_m
        self._limit_mps = limit_mps
        self._covered_s = self._free_s = self._wrong_s = 0.0
        self._queueing = False
        self._from_m = zone_m  # where the queue begins

    def step(self, seen: LaneSeen, turns: list[int], passed_s: float) -> None:
        """`turns`: connections for those that newly enter, as many as `seen.entered`."""
        self._from_m = 0.0 if seen.blind else self.zone_m
        if seen.blind:
            self._guess(seen, passed_s)
            return
        self._leave(max(seen.left, 0))
        self._move(seen, passed_s)
        if self.zone_m > 0.0:
            self._enter(seen, turns, passed_s)
        self._correct(seen, passed_s)
        self._queue_beyond(seen, passed_s)

    def _leave(self, left: int) -> None:
        del self.vehicles[:left]

    def _move(self, seen: LaneSeen, passed_s: float) -> None:
        floor_m, ahead = 0.5, 0
        for vehicle in self.vehicles:
            while ahead < len(seen.known_m) and seen.known_m[ahead] < vehicle.distance_m:
                floor_m = max(floor_m, seen.known_m[ahead] + SPACING_M)
                ahead += 1
            free_mps = min(self._limit_mps, vehicle.speed_mps + ACCELERATION_MPS2 * passed_s)
            reached_m = max(vehicle.distance_m - free_mps * passed_s, min(floor_m, vehicle.distance_m))
            vehicle.speed_mps = (vehicle.distance_m - reached_m) / passed_s
            vehicle.waited_s = vehicle.waited_s + passed_s if vehicle.speed_mps < 0.5 else 0.0
            vehicle.distance_m = reached_m
            floor_m = reached_m + SPACING_M

    def _enter(self, seen: LaneSeen, turns: list[int], passed_s: float) -> None:
        if seen.entered < 0:
            del self.vehicles[max(len(self.vehicles) + seen.entered, 0) :]
        speed_mps = CRAWL_MPS if self._queueing else self._limit_mps
        for turn in turns[: max(seen.entered, 0)]:
            last_m = self.vehicles[-1].distance_m + SPACING_M if self.vehicles else 0.0
            at_m = max(self.zone_m - 0.5 * speed_mps * passed_s, last_m)
            self.vehicles.append(Unseen(at_m, speed_mps, 0.0, turn))
        inside = len(self.vehicles) + sum(1 for distance_m in seen.known_m if distance_m < self.zone_m)
        self._leave(max(inside - int(self.zone_m / LEAST_SPACING_M) - 2, 0))  # no room: some have left unnoticed

    def _correct(self, seen: LaneSeen, passed_s: float) -> None:
        """Who should stand on the stop line's loop and does not, is gone; who stands there and should not, came unnoticed."""
        if not seen.stop_holds or self.zone_m <= 0.0:
            return
        head = self.vehicles[0] if self.vehicles else None
        gone = not seen.stop_occupied and head is not None and head.distance_m < 1.0 and head.waited_s >= STANDS_AFTER_S
        first_m = min([vehicle.distance_m for vehicle in self.vehicles[:1]] + seen.known_m[:1], default=self.zone_m)
        came = seen.stop_occupied and not seen.left and first_m > 2.0 * SPACING_M
        self._wrong_s = self._wrong_s + passed_s if gone or came else 0.0
        if self._wrong_s >= WRONG_AFTER_S:
            self._wrong_s = 0.0
            if gone:
                self._leave(1)
            else:
                self.vehicles.insert(0, Unseen(0.5, 0.0, WRONG_AFTER_S, seen.usual_turn))

    def _queue_beyond(self, seen: LaneSeen, passed_s: float) -> None:
        if not seen.over_holds:
            self._queueing, self.beyond = False, 0.0
            return
        standing = seen.over_occupied and not seen.over_passed
        self._covered_s = self._covered_s + passed_s if standing else 0.0
        self._free_s = 0.0 if seen.over_occupied or seen.over_passed else self._free_s + passed_s
        if self._covered_s >= STANDS_AFTER_S and not self._queueing:
            self._queueing, self.beyond = True, 0.0 if self.zone_m > 0.0 else 1.0
        if self._free_s >= GAP_S:
            self._queueing, self.beyond = False, 0.0
        if self._queueing:
            grown = self.beyond + seen.rate_per_s * passed_s - seen.over_passed
            self.beyond = min(max(grown, 0.0), float(MOST_BEYOND))
            self._bound_by_known(seen)

    def _guess(self, seen: LaneSeen, passed_s: float) -> None:
        self.vehicles, self._queueing = [], False
        self._free_s = self._free_s + passed_s if seen.open and not seen.left else 0.0
        guessed = self.beyond + seen.rate_per_s * passed_s - max(seen.left, 0)
        self.beyond = min(max(guessed, 0.0), float(MOST_BEYOND)) if self._free_s < UNUSED_S else 0.0

    def _bound_by_known(self, seen: LaneSeen) -> None:
        """At least to the last standing connected vehicle; while it stands, no further than the first that still comes at speed."""
        reach_m = 0.0
        for distance_m, speed_mps in zip(seen.known_m, seen.known_mps, strict=True):
            if distance_m <= self.zone_m:
                continue
            if speed_mps > CRAWL_MPS:
                if self._covered_s > 0.0:
                    self.beyond = min(self.beyond, (distance_m - self.zone_m) / SPACING_M)
                break
            reach_m = distance_m - self.zone_m
        self.beyond = max(self.beyond, min(reach_m / SPACING_M, float(MOST_BEYOND)))

    def beyond_m(self, known_m: list[float]) -> list[float]:
        """Where the unconnected ones of the queue beyond the loop stand: its places without those of connected vehicles."""
        first = 1 if self._from_m > 0.0 else 0  # who stands on the advance loop has been counted in
        taken = {round((distance_m - self._from_m) / SPACING_M) for distance_m in known_m if distance_m > self._from_m}
        places = range(first, first + round(self.beyond))
        return [self._from_m + SPACING_M * place for place in places if place not in taken]

    def queue(self) -> tuple[float, ...]:
        """What a snapshot keeps besides the vehicles."""
        return self.beyond, self._covered_s, self._free_s, self._wrong_s, float(self._queueing), self._from_m

    def set_queue(self, kept: list[float]) -> None:
        self.beyond, self._covered_s, self._free_s, self._wrong_s = kept[:4]
        self._queueing, self._from_m = kept[4] > 0.0, kept[5]
