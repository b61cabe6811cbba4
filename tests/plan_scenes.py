"""Crossings and situations for the search: a plain one of two roads, one of four arms, and random ones."""

from dataclasses import replace

import numpy as np

from intersections.signals.plan_tables import Crossing, Situation

NS, EW, LEFT = 1, 2, 4  # greens of the plain crossing; the left turn yields to the opposing NS
MIN_GREEN_S, INTERGREEN_S = 5.0, 3.0
LIMIT_MPS, TURN_MPS = 14.0, 7.0
CAR_M, CAR_PERSONS = 5.0, 1.4
LONG_AGO_S = -100.0


def plain() -> Crossing:
    """Lanes: 0 north-south, 1 east-west, 2 left turns against lane 0. Exits: 0, 1, 2."""
    return Crossing(
        conflicts=np.array([EW, NS | LEFT, EW], np.uint64),
        yields=np.array([0, 0, NS], np.uint64),
        min_green_s=np.full(3, MIN_GREEN_S),
        intergreen_s=np.full((3, 3), INTERGREEN_S),
        stages=np.array([NS | LEFT, EW], np.uint64),
        proceed=0,
        lane_speed_mps=np.full(3, LIMIT_MPS),
        lane_length_m=np.array([100.0, 100.0, 10.0]),
        connection_group=np.array([0, 1, 2], np.int32),
        connection_exit=np.array([0, 1, 2], np.int32),
        connection_speed_mps=np.array([LIMIT_MPS, LIMIT_MPS, TURN_MPS]),
        lane_exit=np.full(3, -1, np.int32),
        exits=3,
    )


def situation(crossing: Crossing, arrivals: list[list[float]], greens: int, age_s: float = 20.0, **changed: object) -> Situation:
    """`arrivals`: by lane. Each lane's only connection is that of its number; `greens` have been open for `age_s`."""
    count, lanes = sum(map(len, arrivals)), len(crossing.lane_speed_mps)
    open = np.array([greens >> group & 1 for group in range(len(crossing.conflicts))], bool)
    now = Situation(
        lane_first=np.cumsum([0, *map(len, arrivals)]).astype(np.int32),
        connection=np.repeat(np.arange(lanes), [len(lane) for lane in arrivals]).astype(np.int32),
        ahead=np.full(count, -1, np.int32),
        arrival_s=np.array([time_s for lane in arrivals for time_s in lane], np.float64),
        length_m=np.full(count, CAR_M),
        weight=np.full(count, CAR_PERSONS),
        rolled_m=np.zeros(lanes),
        opens_s=np.where(open, -age_s, np.inf),
        closes_s=np.full(len(open), LONG_AGO_S),
        wanted=greens,
        room_m=np.full(crossing.exits, 100.0),
        drain_mps=np.full(crossing.exits, 5.0),
    )
    return replace(now, **changed)


def four_arms() -> Crossing:
    """Twelve lanes and groups, by arm: right, through, left. All maximal sets of four to six groups that do not cross."""
    groups = 12
    conflicts = [0] * groups
    for one in range(groups):
        for other in range(groups):
            if _cross(one, other):
                conflicts[one] |= 1 << other
                conflicts[other] |= 1 << one
    stages = sorted({_grown(conflicts, first, second) for first in range(groups) for second in range(groups)})[:24]
    return Crossing(
        conflicts=np.array(conflicts, np.uint64),
        yields=np.zeros(groups, np.uint64),
        min_green_s=np.full(groups, MIN_GREEN_S),
        intergreen_s=np.full((groups, groups), INTERGREEN_S),
        stages=np.array(stages, np.uint64),
        proceed=0,
        lane_speed_mps=np.full(groups, LIMIT_MPS),
        lane_length_m=np.full(groups, 100.0),
        connection_group=np.arange(groups, dtype=np.int32),
        connection_exit=np.array([(lane // 3 + (3, 2, 1)[lane % 3]) % 4 for lane in range(groups)], np.int32),
        connection_speed_mps=np.tile([TURN_MPS, LIMIT_MPS, TURN_MPS], 4),
        lane_exit=np.full(groups, -1, np.int32),
        exits=4,
    )


def _cross(one: int, other: int) -> bool:
    """Arms 0 to 3 clockwise; turns 0 right, 1 through, 2 left: who leaves by the same arm, or whose ways meet inside."""
    (arm, turn), (foe, foe_turn) = divmod(one, 3), divmod(other, 3)
    if arm == foe:
        return False
    leaves, foe_leaves = (arm + (3, 2, 1)[turn]) % 4, (foe + (3, 2, 1)[foe_turn]) % 4
    if leaves == foe_leaves:
        return True
    between = [(arm + step) % 4 for step in range(1, (leaves - arm) % 4)]
    return turn > 0 and foe_turn > 0 and (foe in between) != (foe_leaves in between)


def _grown(conflicts: list[int], *first: int) -> int:
    greens = 0
    for group in (*first, *range(len(conflicts))):
        if not conflicts[group] & greens:
            greens |= 1 << group
    return greens


def random_scene(seed: int, vehicles: int = 20) -> tuple[Crossing, Situation]:
    """Any tables that fit together: shared lanes, yielding, groups that may go while closed, lanes hemmed in, promises."""
    chance = np.random.default_rng(seed)
    groups, lanes, exits, connections = (int(chance.integers(2, 7)) for _ in range(4))
    upper = np.triu(chance.random((groups, groups)) < 0.5, 1)
    foes = upper | upper.T
    yields = ~foes & (chance.random((groups, groups)) < 0.3) & ~np.eye(groups, dtype=bool)
    conflicts = [sum(1 << int(k) for k in np.flatnonzero(row)) for row in foes]
    stages = sorted({_grown(conflicts, *chance.permutation(groups).tolist()) for _ in range(4)})
    crossing = Crossing(
        conflicts=np.array(conflicts, np.uint64),
        yields=np.array([sum(1 << int(k) for k in np.flatnonzero(row)) for row in yields], np.uint64),
        min_green_s=chance.integers(3, 8, groups).astype(float),
        intergreen_s=chance.integers(3, 7, (groups, groups)).astype(float),
        stages=np.array(stages, np.uint64),
        proceed=int(chance.integers(0, 1 << groups)) & int(chance.integers(0, 1 << groups)),
        lane_speed_mps=chance.uniform(5, 20, lanes),
        lane_length_m=chance.uniform(5, 60, lanes),
        connection_group=chance.integers(-1, groups, connections).astype(np.int32),
        connection_exit=chance.integers(0, exits, connections).astype(np.int32),
        connection_speed_mps=chance.uniform(3, 20, connections),
        lane_exit=chance.integers(-1, exits, lanes).astype(np.int32),
        exits=exits,
    )
    count = int(chance.integers(0, vehicles + 1))
    wanted = int(chance.choice(stages))
    open = np.array([wanted >> group & 1 for group in range(groups)], bool)
    now = Situation(
        lane_first=np.concatenate(([0], np.sort(chance.integers(0, count + 1, lanes - 1)), [count])).astype(np.int32),
        connection=chance.integers(0, connections, count).astype(np.int32),
        ahead=np.where(chance.random(count) < 0.2, chance.integers(-1, max(count, 1), count), -1).astype(np.int32),
        arrival_s=chance.exponential(8.0, count),
        length_m=chance.uniform(3, 18, count),
        weight=chance.uniform(0, 5, count),
        rolled_m=chance.choice([0.0, 0.1, 20.0, 100.0], lanes),
        opens_s=np.where(open, chance.uniform(-20, 4, groups), np.inf),
        closes_s=chance.uniform(-30, 0, groups),
        wanted=wanted,
        room_m=chance.uniform(0, 60, exits),
        drain_mps=chance.uniform(0, 5, exits),
    )
    if chance.random() < 0.3:
        earliest_s = float(chance.integers(0, 10))
        return crossing, replace(
            now, earliest_s=earliest_s, latest_s=earliest_s + 3.0, following=int(chance.choice(stages)), bound=bool(chance.random() < 0.7)
        )
    return crossing, now
