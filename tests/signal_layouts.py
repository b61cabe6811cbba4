"""A crossing of two roads with two parallel pedestrian crossings, as the guard's tests know it."""

from intersections.samples import PhaseState
from intersections.signals.layout import SECOND_NS, GroupKind, SignalGroup, SignalLayout, Stage

MAIN, LEFT, SIDE, WALK = 1, 2, 4, 8  # left turns yield to the main road's oncoming traffic


def group(id: str, kind: GroupKind = GroupKind.VEHICLE, rest: PhaseState = PhaseState.STOP_AND_REMAIN, **times_s: float) -> SignalGroup:
    kept = {"min_green": 5, "max_green": 30, "max_red": 60, "yellow": 0 if kind is GroupKind.PEDESTRIAN else 3} | times_s
    return SignalGroup(id, kind, **{f"{name}_ns": round(time_s * SECOND_NS) for name, time_s in kept.items()}, rest=rest)


def crossing(**changed: object) -> SignalLayout:
    """main and left (permissive) against side; the walk crosses main and left, beside side, which yields to it."""
    groups = (group("main"), group("left"), group("side", red_yellow=1), group("walk", GroupKind.PEDESTRIAN))
    tables = {
        "conflicts": (SIDE | WALK, SIDE | WALK, MAIN | LEFT, MAIN | LEFT),
        "yields": (0, MAIN, WALK, 0),
        "intergreen_ns": tuple(
            tuple(time_s * SECOND_NS for time_s in row) for row in ((0, 0, 5, 4), (0, 0, 5, 4), (4, 4, 0, 0), (9, 9, 0, 0))
        ),
        "stages": (Stage("main", MAIN | LEFT), Stage("side", SIDE | WALK)),
        "local": ((0, 20 * SECOND_NS), (1, 12 * SECOND_NS)),
    }
    return SignalLayout("crossing", **({"groups": groups} | tables | changed))
