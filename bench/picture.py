"""A picture of what the road saw: map, tracks with their last seconds, warnings, drawn from a recorded log.

python -m bench.picture state/log --at 120 --out docs/crossing.svg
"""

import argparse
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intersections.decisions import Decision, TrackReport, Warning, WarningState
from intersections.map import IntersectionMap, LaneKind
from positioning.samples import ObjectClass
from v2x.district import parse_maps
from v2x.replay import header_of, log_files, replay

TRAIL_REPORTS = 20  # two seconds at 10 Hz
HALF_WIDTH_M = 90.0
SCALE = 5.0  # pixels a metre

COLOURS = {
    ObjectClass.CAR: "#2f6fb0",
    ObjectClass.VAN: "#2f6fb0",
    ObjectClass.TRUCK: "#6a4fa0",
    ObjectClass.BUS: "#6a4fa0",
    ObjectClass.MOTORCYCLE: "#1b8a6b",
    ObjectClass.BICYCLE: "#1b8a6b",
    ObjectClass.PEDESTRIAN: "#d9822b",
}
LANES = {LaneKind.DRIVING: "#d9d9d6", LaneKind.BUS: "#d9d9d6", LaneKind.BICYCLE: "#e6d3cc", LaneKind.SIDEWALK: "#ececea"}


@dataclass(slots=True)
class Scene:
    """A `DecisionSink` that remembers the reports up to `until_ns` and the warnings that stand then."""

    until_ns: int
    reports: deque[TrackReport] = field(default_factory=lambda: deque(maxlen=TRAIL_REPORTS))
    warnings: dict[str, Warning] = field(default_factory=dict)

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        if now_ns > self.until_ns:
            return
        for decision in decisions:
            if isinstance(decision, TrackReport):
                self.reports.append(decision)
            elif isinstance(decision, Warning):
                self.warnings[decision.id] = decision
                if decision.state is WarningState.CLEARED:
                    del self.warnings[decision.id]


def points(line: NDArray[np.float64], centre: NDArray[np.float64]) -> str:
    """Metres east and north as SVG pixels, south down."""
    places = (line - centre) * (SCALE, -SCALE) + HALF_WIDTH_M * SCALE
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def road_surface(map: IntersectionMap, centre: NDArray[np.float64]) -> Iterator[str]:
    stroke = '<polyline points="{}" fill="none" stroke="{}" stroke-width="{:.1f}" stroke-linecap="butt"/>'
    for lane in map.lanes:
        if lane.kind in LANES:
            yield stroke.format(points(lane.polyline, centre), LANES[lane.kind], lane.width_m * SCALE)
    for connection in map.connections:
        yield stroke.format(points(connection.path, centre), "#e3e3e0", 2.6 * SCALE)
    for crossing in map.crossings:
        zebra = f'stroke="#ffffff" stroke-width="{crossing.width_m * SCALE:.1f}" stroke-dasharray="3 3"'
        yield f'<polyline points="{points(crossing.polyline, centre)}" fill="none" {zebra}/>'


def road_users(reports: Sequence[TrackReport], centre: NDArray[np.float64]) -> Iterator[str]:
    latest = reports[-1]
    for row, track in enumerate(latest.ids):
        colour = COLOURS.get(ObjectClass(int(latest.classes[row])), "#555555")
        trail = [report.motion[report.ids == track, :2] for report in reports]
        path = points(np.concatenate(trail), centre)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-opacity=".4" stroke-width="3"/>'
        length, width = np.nan_to_num(latest.size_m[row], nan=0.8) * SCALE
        x, y = points(latest.motion[row : row + 1, :2], centre).split(",")
        degrees = math.degrees(latest.motion[row, 3])
        box = f'x="{-width / 2:.1f}" y="{-length / 2:.1f}" width="{width:.1f}" height="{length:.1f}" rx="2"'
        ring = ' stroke="#000000" stroke-width="1.5"' if int(track) in latest.vehicles else ""
        yield f'<rect {box} fill="{colour}"{ring} transform="translate({x} {y}) rotate({degrees:.0f})"/>'


def alarms(warnings: Sequence[Warning], centre: NDArray[np.float64]) -> Iterator[str]:
    for number, warning in enumerate(warnings):
        place = np.array([[warning.east_m, warning.north_m]])
        x, y = points(place, centre).split(",")
        for party in warning.parties:
            line = np.vstack((place, [[party.east_m, party.north_m]]))
            yield f'<polyline points="{points(line, centre)}" fill="none" stroke="#c2261d" stroke-width="2" stroke-dasharray="6 4"/>'
        yield f'<circle cx="{x}" cy="{y}" r="9" fill="none" stroke="#c2261d" stroke-width="3"/>'
        label = f"{warning.kind} in {warning.time_to_conflict_s:.1f} s"
        beside = float(y) + (24 if number % 2 else -9)  # warnings of one place come in pairs
        yield f'<text x="{float(x) + 13:.0f}" y="{beside:.0f}" fill="#c2261d" font-weight="bold">{label}</text>'


def draw(map: IntersectionMap, scene: Scene) -> str:
    stop_lines = [map.lane[connection.ingress].polyline[-1] for connection in map.connections if connection.signal_group]
    centre = np.mean(stop_lines or [lane.polyline[-1] for lane in map.lanes], axis=0)
    size = 2 * HALF_WIDTH_M * SCALE
    body = [*road_surface(map, centre), *road_users(scene.reports, centre), *alarms(list(scene.warnings.values()), centre)]
    legend = "blue: cars and vans; violet: trucks and buses; green: two wheels; orange: on foot; black ring: connected; trails: 2 s"
    text = f'<text x="12" y="{size - 12}" fill="#444444">{legend}</text>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size:.0f} {size:.0f}" font-family="sans-serif" font-size="15">'
    return "\n".join((head, '<rect width="100%" height="100%" fill="#f7f7f5"/>', *body, text, "</svg>", ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--at", type=float, required=True, help="seconds after the log's start")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    files = log_files(arguments.log)
    header = header_of(files)
    scene = Scene(header.started_ns + int(arguments.at * 1e9))
    replay(files, [scene])
    if not scene.reports:
        parser.error(f"nothing had been tracked {arguments.at} s after the start")
    (map,) = (map for name, map in parse_maps(header.maps).items() if name == scene.reports[-1].intersection)
    arguments.out.write_text(draw(map, scene), encoding="utf-8")


if __name__ == "__main__":
    main()
