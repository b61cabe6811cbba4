"""The kernel's equations and their NumPy twin: equal over random and hostile sequences, covariances always sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from positioning import _tracks, model, stitching_model
from positioning.duplicates import AGE_NS, APART_M
from positioning.samples import DETECTION_COLUMNS, Detection, ObjectClass
from positioning.track_arrays import TrackArrays
from positioning.track_columns import PROFILES, LinkMark, Mark, Motion, Number, Trust


def kernel_predict(x, P, dt, kind):
    y, q = _tracks.predict_one(x, P, dt, kind, PROFILES)
    return np.array(y), np.array(q).reshape(6, 6)


def kernel_absorb(x, P, dt, kind, row, place, trust, surprises):
    y, q = _tracks.absorb_one(x, P, dt, kind, PROFILES, row, *place, *trust, surprises)
    return np.array(y), np.array(q).reshape(6, 6)


def numpy_absorb(x, P, dt, kind, row, place, trust, surprises):
    with np.errstate(invalid="ignore"):
        return model.absorb(x, P, dt, kind, model.measured(row, np.array(place), kind), trust, surprises)


BOTH = pytest.mark.parametrize(
    ("predict", "absorb"), [(kernel_predict, kernel_absorb), (model.predict, numpy_absorb)], ids=["kernel", "numpy"]
)

kinds = st.sampled_from([int(kind) for kind in ObjectClass])
angles = st.floats(0, 6.28)
states = st.tuples(st.floats(-500, 500), st.floats(-500, 500), st.floats(-1.4, 40), angles, st.floats(-2, 2), st.floats(-9, 6)).map(
    np.array
)
hostile = st.one_of(st.floats(-50, 50), st.just(np.nan), st.just(np.inf), st.floats(-1e300, 1e300), st.just(-0.0))
SAID = len(range(Detection.SPEED_MPS, Detection.LOCAL_ID))
steps = st.tuples(
    st.floats(-0.5, 2.5),
    st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
    st.lists(hostile, min_size=SAID, max_size=SAID),
    st.tuples(st.sampled_from(list(Trust)), st.sampled_from(list(Trust))),
)


def first_covariance(kind):
    return np.diag([0.09, 0.09, 6.25, 0.01, PROFILES[kind, 2] ** 2, PROFILES[kind, 0] ** 2])


def row_of(values, kind):
    row = np.full(DETECTION_COLUMNS, np.nan)
    row[Detection.SPEED_MPS : Detection.LOCAL_ID] = values
    row[Detection.OBJECT_CLASS] = kind
    return row


def assert_alike(ours, twins):
    turn = ours[0][3] - twins[0][3]
    ours[0][3] = twins[0][3] + model.wrapped(turn)
    for mine, twin in zip(ours, twins, strict=True):
        scale = 1 + np.sqrt(np.outer(np.diag(twin), np.diag(twin))) if twin.ndim == 2 else 1 + np.abs(twin)
        assert (np.abs(mine - twin) <= 1e-9 * scale).all()


def assert_sound(x, P):
    assert np.isfinite(x).all()
    assert (P == P.T).all() or np.abs(P - P.T).max() <= 1e-12 * np.abs(P).max()
    assert np.linalg.eigvalsh(P / np.sqrt(np.outer(np.diag(P), np.diag(P)))).min() > -1e-9
    assert 0 <= x[3] < 2 * np.pi


@settings(max_examples=150, deadline=None)
@given(kinds, states, st.lists(steps, min_size=1, max_size=8))
def test_kernel_and_twin_agree_over_hostile_sequences(kind, x, sequence):
    P = first_covariance(kind)
    surprises, twins_surprises = np.zeros(2), np.zeros(2)
    for dt, shift, values, trust in sequence:
        place = tuple(x[:2] + np.array(shift))
        ours = kernel_absorb(x, P, dt, kind, row_of(values, kind), place, trust, surprises)
        assert_alike((ours[0].copy(), ours[1]), numpy_absorb(x, P, dt, kind, row_of(values, kind), place, trust, twins_surprises))
        assert (surprises == twins_surprises).all()
        assert_sound(*ours)
        x, P = ours


@settings(max_examples=200, deadline=None)
@given(kinds, states, st.floats(-0.5, 3.0))
def test_kernel_and_twin_predict_alike(kind, x, dt):
    assert_alike(kernel_predict(x, first_covariance(kind), dt, kind), model.predict(x, first_covariance(kind), dt, kind))


@settings(max_examples=200, deadline=None)
@given(kinds, states, st.floats(0.001, 0.5))
def test_moving_back_and_forth_is_the_identity(kind, x, dt):
    back, F = model.moved(x, -dt, kind, may_stop=False)
    again, G = model.moved(back, dt, kind, may_stop=False)
    assert np.abs(again - x).max() < 1e-9 * (1 + np.abs(x).max())
    assert np.abs(G @ F - np.eye(6)).max() < 1e-7


@pytest.mark.parametrize("kind", list(ObjectClass))
def test_the_jacobian_is_the_derivative(kind):
    x = np.array([3.0, -4.0, 9.0, 1.1, 0.4, -1.2])
    _, F = model.moved(x, 0.7, kind, may_stop=True)
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-6
        slope = (model.moved(x + step, 0.7, kind, may_stop=True)[0] - model.moved(x - step, 0.7, kind, may_stop=True)[0]) / 2e-6
        assert np.abs(slope - F[:, i]).max() < 1e-6


@BOTH
def test_a_quarter_turn_at_constant_rate_ends_where_the_circle_does(predict, absorb):
    # v = 8 m/s, w = 0.4 rad/s: radius 20 m; in steps short against the fading of the yaw rate it must follow the arc of its own rates
    kind, x, P = int(ObjectClass.CAR), np.array([0.0, 0.0, 8.0, 0.0, 0.4, 0.0]), first_covariance(1)
    turned = 0.0
    for _ in range(100):
        rate = x[4]
        x, P = predict(x, P, 0.01, kind)
        x[4] = 0.4
        turned += rate * 0.01
    # after 1 s: heading 0.4, east = r (1 - cos 0.4), north = r sin 0.4, less 0.4 % for the fading inside each step
    assert x[3] == pytest.approx(0.4, rel=0.01)
    assert x[0] == pytest.approx(20 * (1 - np.cos(0.4)), rel=0.02)
    assert x[1] == pytest.approx(20 * np.sin(0.4), rel=0.01)


@BOTH
def test_braking_ends_in_a_stand_not_in_reverse(predict, absorb):
    x, _ = predict(np.array([0.0, 0.0, 2.0, 0.0, 0.0, -6.0]), first_covariance(1), 2.0, int(ObjectClass.CAR))
    assert x[2] == 0
    # constant braking would take v^2 / 2a = 0.33 m; fading (0.8 s) makes it a little longer
    assert 2.0**2 / (2 * 6.0) < x[1] < 0.45


@BOTH
def test_the_way_to_a_stand_has_no_step(predict, absorb):
    x = np.array([0.0, 0.0, 2.0, 0.0, 0.0, -6.0])
    ways = [predict(x, first_covariance(1), dt, int(ObjectClass.CAR))[0][1] for dt in np.linspace(0.3, 0.6, 601)]
    assert np.abs(np.diff(ways)).max() < 2.0 * 0.001
    assert np.diff(ways).min() >= -1e-12


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_assignment_is_optimal(rows, columns, seed, density):
    rng = np.random.default_rng(seed)
    costs = np.where(
        rng.random((rows, columns)) < density,
        rng.choice([rng.uniform(0, 40, (rows, columns)), np.round(rng.uniform(0, 8, (rows, columns)))]),
        np.inf,
    )
    none = 24.0
    choice = np.empty(rows, np.int32)
    _tracks.assign(costs, none, choice)
    taken = choice[choice >= 0]
    assert len(set(taken.tolist())) == len(taken)
    total = sum(costs[i, j] if j >= 0 else none for i, j in enumerate(choice))
    padded = np.hstack([np.minimum(costs, 1e6), np.full((rows, rows), none)])
    assert total == pytest.approx(padded[linear_sum_assignment(padded)].sum(), abs=1e-9)


def test_negative_or_too_many_costs_are_refused():
    with pytest.raises(ValueError, match="negative"):
        _tracks.assign(np.array([[-1.0]]), 24.0, np.empty(1, np.int32))
    with pytest.raises(ValueError, match="few"):
        _tracks.assign(np.ones((1, 50)), 24.0, np.empty(1, np.int32))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="wanted"):
        _tracks.predict_one(np.zeros(5), np.eye(6), 0.1, 1, PROFILES)
    with pytest.raises(ValueError, match="wanted"):
        _tracks.predict_one(np.zeros(6), np.eye(6), 0.1, 99, PROFILES)


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_kernel_and_twin_find_the_same_tracks_close(seed, count):
    random, now_ns = np.random.default_rng(seed), 10**18
    arrays = TrackArrays.empty()
    arrays.count = count
    arrays.motion[:count] = random.uniform((-8, -8, 0, 0, 0, 0), (8, 8, 5, 6.28, 0, 0), (count, 6))
    arrays.marks[:count, Mark.TIME_NS] = now_ns - random.integers(0, 10**9, count)
    arrays.marks[:count, Mark.BORN_NS] = now_ns - random.integers(0, 2 * 10**9, count)
    arrays.marks[:count, Mark.CONFIRMED] = random.random(count) < 0.8
    arrays.marks[:count, Mark.CLASS] = random.integers(0, len(ObjectClass), count)
    ours = arrays.kernel(0).close_pairs(count, now_ns, AGE_NS, APART_M)
    assert ours == model.close_pairs(arrays.motion[:count], arrays.marks[:count], now_ns, AGE_NS, APART_M)


def test_close_pairs_wants_a_distance_for_each_kind():
    with pytest.raises(ValueError, match="per kind"):
        TrackArrays.empty().kernel(0).close_pairs(0, 0, AGE_NS, APART_M[1:])


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_kernel_and_twin_continue_the_same_track(seed, count):
    random, now_ns, ms = np.random.default_rng(seed), 10**18, 10**6
    arrays = TrackArrays.empty()
    arrays.count = count
    arrays.motion[:count] = random.uniform((-8, -8, 0, 0, 0, 0), (8, 8, 12, 1.0, 0, 0), (count, 6))
    arrays.motion[:count, Motion.HEADING_RAD] += random.choice((0.0, 5.5), count)
    marks = arrays.marks[:count]
    marks[:, Mark.ROADSIDE_NS] = now_ns - random.integers(0, 3500, count) * ms * (random.random(count) < 0.9)
    marks[:, Mark.TIME_NS] = marks[:, Mark.ROADSIDE_NS]
    marks[:, Mark.BORN_NS] = now_ns - random.integers(100, 500, count) * ms
    marks[:, Mark.CONFIRMED], marks[:, Mark.ORIENTED] = random.random((2, count)) < 0.9
    marks[:, Mark.VEHICLE] = random.choice((0, 0, 3), count)
    marks[:, Mark.CLASS] = random.choice((ObjectClass.CAR, ObjectClass.CAR, ObjectClass.BUS, ObjectClass.PEDESTRIAN), count)
    arrays.numbers[:count, Number.LENGTH_M] = random.choice((4.0, 4.5, 12.0), count)
    arrays.numbers[:count, Number.SIZE_WEIGHT] = random.choice((0.0, 1.0), count)
    arrays.link_marks[:count, :, LinkMark.LOCAL_ID] = random.integers(0, 6, (count, arrays.sources))
    arrays.link_marks[:count, :, LinkMark.TIME_NS] = now_ns - random.integers(0, 4000, (count, arrays.sources)) * ms
    kernel, row, taken = arrays.kernel(0), int(random.integers(count)), random.permutation(count)[: count // 4].tolist()
    assert kernel.continued(count, row, taken) == stitching_model.continued(arrays, row, taken)


def test_a_track_that_is_not_there_continues_nothing():
    with pytest.raises(ValueError, match="no such track"):
        TrackArrays.empty().kernel(0).continued(0, 0, [])
