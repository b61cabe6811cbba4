"""The loop between SUMO and the controllers: who hears whom, push-buttons, lamps that are not what was asked for."""

import importlib.util
import multiprocessing
import os
from itertools import pairwise

import pytest

from tests.signal_scenes import buttons, tampered, write_town

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = [pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")]


@pytest.fixture(scope="module")
def paved(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("paved"), walkers=True)


def alone(function, *arguments):
    """SUMO runs once in a process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def test_neighbours_are_those_whose_exits_lead_here(tmp_path):
    from intersections.signals.conventions import RESCO
    from v2x.importers.sumo_signals import read_signals
    from v2x.sim.signal_loop import neighbours_of

    sites = read_signals(write_town(tmp_path).with_name("town.net.xml"), [], RESCO)
    names = [site.layout.intersection for site in sites]
    heard = {names[row]: {names[other] for other in others} for row, others in enumerate(neighbours_of(sites))}
    assert heard == {"A0": {"A1", "B0"}, "A1": {"A0", "B1"}, "B0": {"A0", "B1"}, "B1": {"A1", "B0"}}


def test_a_lamp_that_is_not_what_was_asked_for_is_a_fault_of_that_light_alone(tmp_path, paved):
    told = alone(tampered, paved, tmp_path)
    lights = {light for _, light, _ in told}
    first = min(lights)
    assert {mode.name for time_s, light, mode in told if light == first and time_s > 41.0} == {"FAULT"}
    assert {mode.name for time_s, light, mode in told if light == first and 20.0 < time_s <= 40.0} == {"COMMANDED"}
    assert {mode.name for time_s, light, mode in told if light != first and time_s > 20.0} == {"COMMANDED"}


def test_whoever_stands_before_a_crossing_has_pressed_until_it_is_green(tmp_path, paved):
    told = alone(buttons, paved, tmp_path)
    assert max(max(waits.values()) for waits, _, _ in told) > 10.0
    assert any(waits[crossing] > 0.0 for waits, _, _ in told for crossing in waits)
    for waits, greens, standing in told:
        assert all(waits[crossing] > 0.0 for crossing in standing - greens)
        assert not any(waits[crossing] for crossing in greens)
    for (before, _, _), (after, greens, _) in pairwise(told):
        for crossing, wait_s in before.items():
            assert crossing in greens or not wait_s or after[crossing] == pytest.approx(wait_s + 1.0)
