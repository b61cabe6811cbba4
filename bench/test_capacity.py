"""`capacity_objects_per_s`, in as many trials as a benchmark run has time for; `make capacity` looks closer."""

import pytest

from bench.capacity import OBJECTS_PER_CROSSING, capacity
from bench.figures import record

TRIALS = 3


@pytest.mark.timeout(600)
def test_the_rate_at_which_warnings_still_come_in_time(tmp_path):
    record("capacity_objects_per_s", capacity(tmp_path / "district", TRIALS), at_least=OBJECTS_PER_CROSSING)
