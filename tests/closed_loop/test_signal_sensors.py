"""What a controller may know of SUMO's traffic, against SUMO's own truth: no more, no less. Each run in a process of its own."""

import ast
import importlib.util
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from intersections.signals.approaches import ADVANCE_LOOP_M, SIGHT_M
from tests.signal_scenes import RIDERS, STOP_M, watch, write_town
from v2x.sim.signal_sensors import STANDING_MPS

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = [pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120
# What the sensor layer may ask of SUMO. Loops see everybody's place; a vehicle's own route only gives its next turn.
ALLOWED = {
    "simulation": {"getDeltaT"},
    "vehicle": {
        "getIDList", "getVehicleClass", "getLength", "getLaneID", "getLanePosition", "getSpeed", "getRoute", "getRouteIndex",
        "getLine", "getPersonNumber", "getStops", "isStopped",
    },
    "lane": {"getIDList", "getLength", "getLinks"},
    "edge": {"getIDList", "getLastStepPersonIDs"},
    "person": {"getNextEdge", "getSpeed"},
}  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def seen(town, tmp_path_factory):
    """By penetration and seed."""
    cases = ((1.0, 1), (0.5, 1), (0.5, 2), (0.0, 1))
    folder = tmp_path_factory.mktemp("run")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return {(share, seed): pool.apply(watch, (town, folder, seed, share, SECONDS)) for share, seed in cases}


def rows(told):
    for second in told:
        for light, (approaches, observation) in second["places"].items():
            yield second, light, approaches, observation


def test_everybody_connected_in_sight_is_seen_with_its_place_speed_and_turn(seen):
    compared = 0
    for second, light, approaches, observation in rows(seen[1.0, 1]):
        truth = sorted(row for row in second["truth"].get(light, ()) if row[0] <= SIGHT_M)
        order = np.lexsort((observation.speed_mps, observation.distance_m))
        assert len(truth) == len(order)
        for row, (distance_m, speed_mps, turn) in zip(order.tolist(), truth, strict=True):
            assert observation.distance_m[row] == pytest.approx(distance_m, abs=0.6)
            assert observation.speed_mps[row] == pytest.approx(speed_mps)
            assert approaches.movements[observation.movement[row]] == turn
            assert observation.lane[row] < 0 or approaches.lanes[observation.lane[row]].rpartition("_")[0] == turn[0]
            compared += 1
    assert compared > 1000


def test_nobody_is_seen_beyond_sight(seen):
    farthest_m = max(observation.distance_m.max(initial=0.0) for *_, observation in rows(seen[1.0, 1]))
    assert SIGHT_M - 20.0 < farthest_m <= SIGHT_M
    assert any(row[0] > SIGHT_M for second in seen[1.0, 1] for truth in second["truth"].values() for row in truth)


@pytest.mark.parametrize("share", [1.0, 0.0])
def test_a_junction_tells_on_which_way_a_connected_vehicle_stands_inside(town, tmp_path, share):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        told = pool.apply(watch, (town, tmp_path, 1, share, 60, 40))
    stood = 0
    for second, _, approaches, observation in rows(told):
        standing = {way for speed_mps, way in second["inside"] if speed_mps < STANDING_MPS}
        seen = {approaches.movements[approaches.connection_movement[row]] for row in np.flatnonzero(observation.inside)}
        assert seen == (standing & set(approaches.movements) if share else set())
        stood += len(standing)
    assert stood > 20


def test_without_connected_vehicles_only_the_bus_is_known(seen):
    known = {(int(number), length_m) for *_, o in rows(seen[0.0, 1]) for number, length_m in zip(o.vehicle, o.length_m, strict=True)}
    assert len(known) == 1
    assert next(iter(known))[1] == 12.0


def test_the_bus_tells_of_its_stop_until_it_has_served_it(seen):
    told = [(o.distance_m[0], o.stop_m[0], o.weight[0]) for *_, o in rows(seen[0.0, 1]) if len(o.vehicle)]
    length_m = next(a.lane_length_m[a.lanes.index("left0A0_0")] for _, _, a, _ in rows(seen[0.0, 1]) if "left0A0_0" in a.lanes)
    ahead = {stop_m for _, stop_m, _ in told if stop_m >= 0.0}
    assert ahead == {length_m - STOP_M[1]}
    assert any(stop_m < 0.0 and distance_m < length_m - STOP_M[1] for distance_m, stop_m, _ in told)
    assert (told[0][2], told[-1][2]) == (1.0, 1.0 + RIDERS)  # and the driver


def test_loops_count_everybody_and_need_nobody_connected(seen):
    last = seen[0.0, 1][-1]
    counts = {
        lane: count for approaches, o in last["places"].values() for lane, count in zip(approaches.lanes, o.stop_line_count, strict=True)
    }
    assert sum(last["crossed"].values()) > 50
    assert {lane: count for lane, count in counts.items() if count} == last["crossed"]
    for approaches, observation in last["places"].values():
        on_road = {}
        for lane, count, advance in zip(approaches.lanes, observation.stop_line_count, observation.advance_count, strict=True):
            on_road.setdefault(lane.rpartition("_")[0], []).append((count, advance))
        for counted in on_road.values():  # vehicles change lanes between the loops, and a few are between them
            crossed, passed = np.sum(counted, axis=0)
            assert crossed <= passed <= crossed + 2 * len(counted) * ADVANCE_LOOP_M / 5.0


def test_loops_see_the_same_whoever_is_connected(seen):
    for (*_, one), (*_, other) in zip(rows(seen[1.0, 1]), rows(seen[0.0, 1]), strict=True):
        for name in ("stop_line_count", "stop_line_occupied", "advance_count", "advance_occupied"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_share_is_connected_drawn_by_the_seed(seen):
    everybody, half, other = ({int(v) for *_, o in rows(seen[case]) for v in o.vehicle} for case in ((1.0, 1), (0.5, 1), (0.5, 2)))
    assert 0.3 * len(everybody) < len(half) < 0.7 * len(everybody)
    assert half != other


def test_nobody_asks_sumo_for_more_than_sensors_could_know():
    for name in ("signal_sensors", "signal_roads", "signal_loops", "signal_buttons"):
        for node in ast.walk(ast.parse((ROOT / "v2x" / "sim" / f"{name}.py").read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and ast.unparse(node.value.value) == "libsumo":
                assert node.attr in ALLOWED[node.value.attr], f"{name}: {ast.unparse(node)}"
