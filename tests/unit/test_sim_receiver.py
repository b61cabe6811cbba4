"""The receiver in a city against the table it is made from, over receivers that know nothing of each other."""

import math
from collections import Counter

import numpy as np
import pytest

from positioning.samples import FixStatus
from v2x.sim.randomness import generator
from v2x.sim.receiver import CORRELATION_S, URBAN, WHITE_SHARE, WRONG_LEAST_M, Sky, UrbanReceiver

RECEIVERS = 3000
PERIOD_S = 0.1
EULER = 0.5772156649
OPEN_SATELLITES = URBAN[Sky.OPEN].satellites


@pytest.fixture(scope="module")
def fixes():
    """Two successive fixes of each receiver."""
    receivers = [UrbanReceiver(generator(7, "gnss", number), PERIOD_S) for number in range(RECEIVERS)]
    return [(receiver.fix(), receiver.fix()) for receiver in receivers]


def shares():
    expected = Counter()
    for sky in URBAN.values():
        for solution in sky.solutions:
            expected[solution.status] += sky.share * solution.share
    return expected


def four_sigmas(share, count=RECEIVERS):
    return 4.0 * math.sqrt(share * (1.0 - share) / count)


def length_m(fix):
    return math.hypot(*fix.error_m[:2])


def open_floats(fixes):
    return [pair for pair in fixes if all(fix.status is FixStatus.RTK_FLOAT and fix.satellites >= OPEN_SATELLITES[0] for fix in pair)]


def test_the_table_is_of_all_time():
    assert sum(sky.share for sky in URBAN.values()) == pytest.approx(1.0)
    assert all(sum(solution.share for solution in sky.solutions) == pytest.approx(1.0) for sky in URBAN.values())


@pytest.mark.parametrize("seconds", [0.1, 20.0])
def test_each_status_has_its_share_at_the_start_and_later(seconds):
    last = []
    for number in range(600):
        receiver = UrbanReceiver(generator(3, "gnss", number), seconds)
        last = [*last, [receiver.fix() for _ in range(2)][-1]]
    counts = Counter(fix.status for fix in last)
    for status, share in shares().items():
        assert counts[status] / len(last) == pytest.approx(share, abs=four_sigmas(share, len(last))), status


def test_six_fixes_in_a_hundred_are_wrong_and_claim_as_much_as_the_right_ones(fixes):
    fixed = [fix for fix, _ in fixes if fix.status is FixStatus.RTK_FIXED]
    solutions = [(sky, solution) for sky, config in URBAN.items() for solution in config.solutions]
    right = {sky: solution for sky, solution in solutions if solution.status is FixStatus.RTK_FIXED}
    times = {sky: URBAN[sky].share * solution.share for sky, solution in right.items()}
    expected = sum(times[sky] * right[sky].wrong for sky in right) / sum(times.values())
    wrong = [fix for fix in fixed if length_m(fix) >= WRONG_LEAST_M]
    assert expected == pytest.approx(0.06, abs=0.01)
    assert len(wrong) / len(fixed) == pytest.approx(expected, abs=four_sigmas(expected, len(fixed)))
    assert {fix.claimed_sigma_m for fix in fixed} == {0.01}
    assert np.median([length_m(fix) for fix in fixed]) < 0.05


def test_a_wrong_fix_stays_where_it_is(fixes):
    pairs = [pair for pair in fixes if all(fix.status is FixStatus.RTK_FIXED and length_m(fix) >= WRONG_LEAST_M for fix in pair)]
    assert len(pairs) > 20
    moved = [math.hypot(*(second.error_m - first.error_m)[:2]) for first, second in pairs]
    assert np.quantile(moved, 0.9) < 0.05  # the rest began another burst in between


def test_floats_under_an_open_sky_err_by_the_table(fixes):
    # Both axes normal, scale sigma * exp(0.5 N): ln of the squared length has mean ln(2 sigma^2) - gamma and variance
    # pi^2/6 + (2 * 0.5)^2 = 2.6.
    errors = [length_m(first) for first, _ in open_floats(fixes)]
    expected = math.log(2.0 * 0.5**2 * (1.0 + WHITE_SHARE**2)) - EULER
    assert np.mean(np.log(np.square(errors))) == pytest.approx(expected, abs=4.0 * math.sqrt(2.6 / len(errors)))


def test_errors_stay_from_epoch_to_epoch(fixes):
    # A step's variance per axis is sigma^2 (2 (1 - exp(-0.1/60)) + 2 * 0.05^2): ln of its squared length beside that of the error.
    pairs = open_floats(fixes)
    steps = np.array([math.hypot(*(second.error_m - first.error_m)[:2]) for first, second in pairs])
    errors = np.array([length_m(first) for first, _ in pairs])
    expected = math.log((2.0 * (1.0 - math.exp(-PERIOD_S / CORRELATION_S)) + 2.0 * WHITE_SHARE**2) / (1.0 + WHITE_SHARE**2))
    ratios = 2.0 * np.log(steps / errors)
    assert np.median(ratios) == pytest.approx(expected, abs=4.0 * 1.25 * math.sqrt(2.0 * math.pi**2 / 6.0 / len(pairs)))


def test_few_satellites_tell_more_than_the_claim(fixes):
    floats = [fix for fix, _ in fixes if fix.status is FixStatus.RTK_FLOAT]
    few, many = ([length_m(fix) for fix in floats if (fix.satellites < OPEN_SATELLITES[0]) is narrow] for narrow in (True, False))
    assert {fix.claimed_sigma_m for fix in floats} == {0.25}
    assert np.median(few) > 3.0 * np.median(many)


def test_without_a_fix_there_is_no_position_and_no_claim(fixes):
    none = [fix for fix, _ in fixes if fix.status is FixStatus.NONE]
    assert none
    assert all(np.isnan(fix.error_m).all() and math.isnan(fix.claimed_sigma_m) and fix.satellites <= 3 for fix in none)


def test_the_same_seed_again():
    first, again, other = (
        [UrbanReceiver(generator(seed, "gnss", 1), PERIOD_S).fix().error_m.tolist() for _ in range(3)] for seed in (1, 1, 2)
    )
    assert first == again != other
