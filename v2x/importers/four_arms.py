"""A crossing of two streets made by rule: four arms, one lane each way, right-hand traffic.

The packaged example (`v2x/example/crossing.json`) is written by this, and tests take the same shape at other places:

    python -m v2x.importers.four_arms > v2x/example/crossing.json
"""

import math
import sys
from collections.abc import Iterator

import numpy as np

from intersections.geometry import Polyline
from intersections.map import Connection, Crossing, IntersectionMap, Lane, LaneKind, Origin, Priority
from intersections.map_json import dumps
from intersections.zones import conflict_zones

ARMS = ("north", "east", "south", "west")  # clockwise; arm i points to heading i * 90 degrees
TURNS = {"left": 1, "straight": 2, "right": 3}  # arms to go clockwise from the one it comes from

LANE_WIDTH_M = 3.5
MOUTH_M = 12.0  # from the centre to where lanes end and the junction begins
CROSSING_M = 9.5  # from the centre to the middle of a pedestrian crossing
CROSSING_WIDTH_M = 4.0
SPEED_LIMIT_MPS = 50 / 3.6
ARC_SEGMENTS = 12  # of a turn; sagitta below 3 cm at these radii

# Jiangxinzhou, an island of Nanjing.
EXAMPLE_ORIGIN = Origin(math.radians(32.03), math.radians(118.69))


def four_arm_crossing(id: str = "example", origin: Origin = EXAMPLE_ORIGIN, arm_m: float = 150.0) -> IntersectionMap:
    """Unsignalised and without priority: whoever comes first goes first, so every pair that crosses is EQUAL."""
    lanes = tuple(_lanes(arm_m))
    lane = {one.id: one for one in lanes}
    connections = tuple(_connections(lane))
    crossings = tuple(_crossings())
    zones = conflict_zones(lane, connections, crossings)
    return IntersectionMap(id, origin, lanes, connections, crossings, zones)


def _on_arm(arm: int, points: list[tuple[float, float]]) -> Polyline:
    """Points given for the arm that points north, turned to arm `arm` and rounded to millimetres."""
    angle_rad = arm * math.pi / 2
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    turned = [(round(x * cos + y * sin, 3) + 0.0, round(-x * sin + y * cos, 3) + 0.0) for x, y in points]  # + 0.0: no negative zeros
    return np.array(turned, dtype=np.float64)


def _lanes(arm_m: float) -> Iterator[Lane]:
    aside_m = LANE_WIDTH_M / 2
    for arm, name in enumerate(ARMS):
        for way, points in (
            ("in", [(-aside_m, arm_m), (-aside_m, MOUTH_M)]),
            ("out", [(aside_m, MOUTH_M), (aside_m, arm_m)]),
        ):
            yield Lane(f"{name}.{way}", LaneKind.DRIVING, _on_arm(arm, points), LANE_WIDTH_M, SPEED_LIMIT_MPS, allows_vehicles=True)


def _connections(lane: dict[str, Lane]) -> Iterator[Connection]:
    for arm, name in enumerate(ARMS):
        for turn, steps in TURNS.items():
            ingress, egress = lane[f"{name}.in"], lane[f"{ARMS[(arm + steps) % 4]}.out"]
            yield Connection(
                id=f"{name}-{turn}",
                ingress=ingress.id,
                egress=egress.id,
                path=_on_arm(arm, _turn(turn)),
                priority=Priority.EQUAL,
                signal_group="",
                stop_line_m=float(np.hypot(*(ingress.polyline[1] - ingress.polyline[0]))),
                yields_to=(),
            )


def _turn(turn: str) -> list[tuple[float, float]]:
    """The path of a movement that comes from the north: a quarter circle from mouth to mouth, or a straight line."""
    aside_m = LANE_WIDTH_M / 2
    if turn == "straight":
        return [(-aside_m, MOUTH_M), (-aside_m, -MOUTH_M)]
    side = 1.0 if turn == "left" else -1.0  # coming from the north, left is east
    radius_m = MOUTH_M + side * aside_m
    angles = [step * math.pi / 2 / ARC_SEGMENTS for step in range(ARC_SEGMENTS + 1)]
    return [(side * (MOUTH_M - radius_m * math.cos(angle)), MOUTH_M - radius_m * math.sin(angle)) for angle in angles]


def _crossings() -> Iterator[Crossing]:
    for arm, name in enumerate(ARMS):
        yield Crossing(f"{name}.crossing", _on_arm(arm, [(-LANE_WIDTH_M, CROSSING_M), (LANE_WIDTH_M, CROSSING_M)]), CROSSING_WIDTH_M, "")


if __name__ == "__main__":
    sys.stdout.write(dumps(four_arm_crossing()))
