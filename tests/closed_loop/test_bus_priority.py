"""A dispatcher's order of priority at a simulated crossing: the buses it is for lose less, and the order is seen to be carried out."""

import importlib.util
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.ordered_scenes import lost_s, write_crossing

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")
ORDERED = ("bus.3", "bus.6", "bus.9")  # every third


def test_buses_with_an_order_lose_less_than_the_same_buses_without(tmp_path):
    configuration = write_crossing(tmp_path)
    ended = []
    for ordered in ((), ORDERED):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:  # SUMO runs once in a process
            ended.append(process.submit(lost_s, configuration, tmp_path, ordered).result())
    (lost, none), (helped, orders) = ended
    assert none == {}
    assert helped["bus.0"] == lost["bus.0"]  # before the first order nothing differs
    assert sum(helped[bus] for bus in ORDERED) < 0.9 * sum(lost[bus] for bus in ORDERED)
    assert orders == dict.fromkeys(ORDERED, ("CARRIED_OUT", "granted at A0"))
