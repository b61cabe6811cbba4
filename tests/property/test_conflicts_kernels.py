"""The kernels and their readable twins agree on anything: random users, hostile values, every kind of control."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intersections import _conflicts, conflicts_model
from intersections.conflicts import CELL_M, ConflictConfig, Workspace, foresee
from intersections.conflicts_model import JudgeModel, required_deceleration
from intersections.localize import ADMISSION, ROLES, Places, localize
from intersections.localize import network as kernel_network
from intersections.paths import CELL_M as PATHS_CELL_M
from intersections.paths import flatten
from intersections.paths_model import NetworkModel
from intersections.warnings.ledger import APPLICATIONS
from positioning.samples import ObjectClass
from positioning.tracks import TrackView
from tests.scenes import equal_crossing, signalised, with_priority

PATHS = [flatten(make().map) for make in (equal_crossing, with_priority, signalised)]
CONFIG = ConflictConfig()
CAR, RIDER, CYCLIST, WALKER, BOX = (
    ObjectClass.CAR,
    ObjectClass.MOTORCYCLE,
    ObjectClass.BICYCLE,
    ObjectClass.PEDESTRIAN,
    ObjectClass.OBSTACLE,
)
CLASSES = np.array([CAR, CAR, RIDER, CYCLIST, WALKER, BOX])


def random_view(seed, count):
    """Half of the users along lanes, half anywhere near the junction; some stand, some brake, some are known badly."""
    random = np.random.default_rng(seed)
    quarter = random.integers(0, 4, count) * math.pi / 2
    along, aside = random.uniform(-70, 10, count), 1.75 + random.normal(0, 0.5, count)
    on_lane = np.column_stack((along * np.sin(quarter) + aside * np.cos(quarter), along * np.cos(quarter) - aside * np.sin(quarter)))
    anywhere = random.uniform(-30, 30, (count, 2))
    lane = random.random(count) < 0.6
    motion = np.column_stack((
        np.where(lane[:, None], on_lane, anywhere),
        random.choice((0.0, 1.0), count, p=(0.2, 0.8)) * random.uniform(0, 18, count),
        np.where(lane, quarter + random.normal(0, 0.1, count), random.uniform(0, math.tau, count)) % math.tau,
        random.choice((0.0, 1.0), count) * random.normal(0, 0.3, count),
        random.choice((0.0, 1.0), count) * random.normal(0, 3.0, count),
    ))  # fmt: skip
    sigma = np.abs(random.normal(0, (0.3, 0.3, 0.05), (count, 3))) * random.choice((0.0, 1.0, 3.0), (count, 1))
    size_m = random.uniform((0.3, 0.3), (12.0, 2.6), (count, 2))
    classes = random.choice(CLASSES, count).astype(np.uint8)
    motion[classes == WALKER, 2] *= 0.15
    updated = (random.random(count) < 0.7).astype(np.uint8)
    return TrackView(10**18, np.arange(count) + 7, classes, np.ascontiguousarray(motion), sigma, size_m, updated)


def both(paths):
    return kernel_network(paths), NetworkModel(paths, ADMISSION, ROLES, PATHS_CELL_M)


scenes = st.tuples(st.integers(0, 2**32 - 1), st.integers(2, 14), st.sampled_from(range(len(PATHS))), st.integers(0, 3))


@settings(max_examples=120, deadline=None)
@given(scenes)
def test_kernels_and_twins_find_the_same(scene):
    seed, count, which, lamp = scene
    paths, view = PATHS[which], random_view(seed, count)
    lamps = np.random.default_rng(seed).choice([0, lamp], len(paths.kinds)).astype(np.uint8)
    found = []
    for net, judge in zip(both(paths), (_conflicts.Judge, JudgeModel), strict=True):
        before = Places()
        places = localize(net, view, before, lamps)
        space = Workspace()
        tracks = foresee(net, view, places, lamps, CONFIG, space)
        number, judged = judge(tracks, paths, lamps, CONFIG).find(space.pairs, space.values, CELL_M)
        order = np.lexsort(np.sort(space.pairs[:number, :2], axis=1).T)
        found.append((places, tracks, judged, space.pairs[:number][order], space.values[:number][order]))
    kernel, model = found
    np.testing.assert_array_equal(kernel[0].element, model[0].element)
    np.testing.assert_allclose(kernel[0].place, model[0].place, atol=1e-9)
    same_futures(kernel[1], model[1])
    assert kernel[2] == model[2]
    np.testing.assert_array_equal(kernel[3], model[3])
    np.testing.assert_allclose(kernel[4], model[4], rtol=1e-7, atol=1e-7)


@settings(max_examples=120, deadline=None)
@given(scenes, st.integers(1, 2_000_000_000))
def test_places_go_on_alike(scene, later_ns):
    """Tracks that were there before, in any order, among new ones."""
    seed, count, which, lamp = scene
    first, then = random_view(seed, count), random_view(seed + 1, count)
    random = np.random.default_rng(seed)
    staying = random.permutation(count)[: count // 2]
    then.ids[:] += 1000
    for row in staying.tolist():
        then.ids[row], then.motion[row], then.classes[row] = first.ids[row], first.motion[row], first.classes[row]
    then = replace(then, time_ns=first.time_ns + later_ns, ids=random.permutation(then.ids))
    lamps = random.choice([0, lamp], len(PATHS[which].kinds)).astype(np.uint8)
    kernel, model = (localize(net, then, localize(net, first, Places(), lamps), lamps) for net in both(PATHS[which]))
    for name in Places.__slots__:
        np.testing.assert_allclose(getattr(kernel, name), getattr(model, name), rtol=0, atol=1e-9, err_msg=name)


def test_locating_refuses_arrays_of_another_length():
    paths, view = PATHS[0], random_view(1, 4)
    lamps = np.zeros(len(paths.kinds), np.uint8)
    net = kernel_network(paths)
    with pytest.raises(ValueError, match="disagree"):
        net.locate(view, Places(), lamps, Places())
    with pytest.raises(ValueError, match="before"):
        net.locate(view, replace(Places(), ids=view.ids), lamps, localize(net, view, Places(), lamps))
    with pytest.raises(ValueError, match="lamp"):
        localize(net, view, Places(), lamps[1:])


def same_futures(kernel, model):
    np.testing.assert_array_equal(kernel.visits, model.visits)
    np.testing.assert_array_equal(kernel.attentive, model.attentive)
    np.testing.assert_array_equal(kernel.routes, model.routes)
    for row, (visits, routes) in enumerate(zip(kernel.visits, kernel.routes, strict=True)):
        np.testing.assert_array_equal(kernel.visited[row, :visits], model.visited[row, :visits])
        np.testing.assert_array_equal(kernel.parent[row, :visits], model.parent[row, :visits])
        np.testing.assert_allclose(kernel.travel[row, :visits], model.travel[row, :visits], atol=1e-9)
        np.testing.assert_allclose(kernel.samples[row, :routes], model.samples[row, :routes], atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_kernel_and_twin_sift_alike(seed, count):
    random = np.random.default_rng(seed)
    pairs = np.column_stack([random.integers(0, top, count) for top in (9, 9, len(APPLICATIONS), 2)]).astype(np.int32)
    values = random.choice((0.0, 0.3, 2.5, 5.0, 9.0, math.nan), (count, 6))
    bounds = random.choice((0.2, 0.3, 2.0, 5.0, -math.inf), (len(APPLICATIONS), 2, 3))
    ids, fresh = random.permutation(9) + 100, random.random(9) < 0.7
    outcomes = []
    for sift in (_conflicts.sift, conflicts_model.sift):
        rows, keys, raised = np.empty(count, np.int64), np.empty((count, 3), np.int64), np.empty(count, np.bool_)
        kept = sift(pairs, values, bounds, ids, fresh, rows, keys, raised)
        outcomes.append((rows[:kept].tolist(), keys[:kept].tolist(), raised[:kept].tolist()))
    assert outcomes[0] == outcomes[1]


def test_sifting_refuses_what_does_not_fit_together():
    pairs, values, bounds = np.zeros((2, 4), np.int32), np.zeros((2, 6)), np.zeros((3, 2, 3))
    ids, fresh, rows, keys, raised = np.arange(2), np.ones(2, bool), np.empty(2, np.int64), np.empty((2, 3), np.int64), np.empty(2, bool)
    with pytest.raises(ValueError, match="length"):
        _conflicts.sift(pairs, values, bounds, ids, fresh, rows[:1], keys, raised)
    with pytest.raises(ValueError, match="shape"):
        _conflicts.sift(pairs, values[:, :5].copy(), bounds, ids, fresh, rows, keys, raised)
    pairs[1, 1] = 2
    with pytest.raises(ValueError, match="no track"):
        _conflicts.sift(pairs, values, bounds, ids, fresh, rows, keys, raised)


speeds = st.floats(0, 60)


@given(speeds, st.floats(0, 300), speeds, st.floats(-10, 5), st.floats(0, 2))
def test_the_required_deceleration_is_one_formula(own_mps, gap_m, speed_mps, acceleration_mps2, reaction_s):
    arguments = (own_mps, gap_m, speed_mps, acceleration_mps2, reaction_s)
    assert _conflicts.required_deceleration(*arguments) == pytest.approx(required_deceleration(*arguments), rel=1e-9, abs=1e-12)


@given(st.floats(1, 40), st.floats(5, 200), st.floats(0, 2))
def test_it_just_stops_behind_what_stands(own_mps, gap_m, reaction_s):
    """Reaction distance plus v^2 / 2a is the gap."""
    needed = required_deceleration(own_mps, gap_m, 0.0, 0.0, reaction_s)
    if needed < 20.0:
        assert own_mps * reaction_s + own_mps**2 / (2 * needed) == pytest.approx(gap_m, rel=1e-9)


@pytest.mark.parametrize("which", [0, 1], ids=["kernel", "twin"])
def test_headings_wrap_at_north(which):
    """A car due north is on the same place whether its heading is a hair above 0 or below 2 pi."""
    net = both(PATHS[0])[which]
    places = []
    for heading_rad in (1e-4, math.tau - 1e-4):
        motion = np.array([[1.75, -50.0, 10.0, heading_rad, 0.0, 0.0]])
        element, place = np.empty(1, np.int32), np.zeros((1, 3))
        moving = np.ones(1, np.uint8)
        net.localize(motion, np.array([1], np.uint8), moving, np.array([-1], np.int32), element, place)
        places.append((PATHS[0].ids[element[0]], *place[0]))
    assert places[0][0] == places[1][0] == "south.in"
    assert places[0][1:] == pytest.approx(places[1][1:], abs=1e-3)


def test_wrong_shapes_are_refused():
    net = kernel_network(PATHS[0])
    flags, numbers = np.zeros(2, np.uint8), np.zeros(2, np.int32)
    with pytest.raises(ValueError, match="shapes disagree"):
        net.localize(np.zeros((2, 6)), flags[:1], flags, numbers, numbers, np.zeros((2, 3)))
