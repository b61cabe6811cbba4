"""The fusion kernels under the sanitizers: batches of any kind, stamp, value and vehicle, and states restored into other engines.

A case is named by FUZZ_SEED and its number; the one that ran when the sanitizer stopped the run is in build/fuzz-last-batch.txt.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from positioning.fusion import FusionConfig, FusionEngine
from positioning.measurements import VALUES, Kind, MeasurementBatch
from tests.fusion_scenes import ANCHORS_ENU, TICK_NS, ZONE, anchors, batch, drive

BATCHES = int(os.environ.get("FUZZ_BATCHES", "20_000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LAST_BATCH = Path("build/fuzz-last-batch.txt")
CAPACITY = 5  # fewer than the vehicles that ask
HOSTILE = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-320, 1e300, -1e300, 2.0**31, -(2.0**63), 255.5, -1.0])
STAMPS = np.array([0, 1, -1, 2**62, -(2**63), 2**63 - 1])

pytestmark = pytest.mark.timeout(1800)


def wild_batch(chance: np.random.Generator, now: int) -> MeasurementBatch:
    """Up to 60 rows: most near to sense, some hostile in a value, a stamp, the kind or the vehicle."""
    count = int(chance.integers(0, 60))
    values = chance.normal(0, 1, (count, VALUES)) * chance.choice([1e-3, 1.0, 30.0, 1e7], (count, 1))
    places = chance.random(count) < 0.5
    values[places, :2] = np.column_stack(ZONE.geodetic_from_enu(*chance.normal(0, 50, (2, count))))[places]
    whole = chance.random((count, VALUES)) < 0.2
    values[whole] = chance.integers(-1, len(ANCHORS_ENU) + 2, int(whole.sum()))
    bad = chance.random((count, VALUES)) < 0.05
    values[bad] = chance.choice(HOSTILE, int(bad.sum()))
    measured = now - chance.integers(-TICK_NS, 4 * TICK_NS, count)
    received = measured + chance.integers(0, 3 * TICK_NS, count)
    for stamps in (measured, received):
        lost = chance.random(count) < 0.02
        stamps[lost] = chance.choice(STAMPS, int(lost.sum()))
    kind = chance.choice([*Kind, *Kind, 0, 200], count).astype(np.uint8)
    return MeasurementBatch(kind, chance.integers(-1, 3 * CAPACITY, count), measured, received, values)


def engines(chance: np.random.Generator) -> list[FusionEngine]:
    late_s = float(chance.choice([0.0, 0.2, 1.0]))
    return [FusionEngine(CAPACITY, ZONE, FusionConfig(late_s=late_s, yields_s=1.0, forget_s=5.0), anchors()) for _ in range(2)]


def test_kernels_are_the_sanitized_ones(sanitized_kernels: dict[str, Path]) -> None:
    from positioning import _fusion, _walker, _wide

    assert Path(_fusion.__file__) == sanitized_kernels["positioning._fusion"]
    assert Path(_wide.__file__) == sanitized_kernels["positioning._wide"]
    assert Path(_walker.__file__) == sanitized_kernels["positioning._walker"]


def test_wild_batches_between_those_of_a_drive(capfd: pytest.CaptureFixture[str]) -> None:
    """Drives let the banks grow up, so that what is wild meets every mode; the state moves between engines now and then."""
    chance, done = np.random.default_rng(SEED), 0
    LAST_BATCH.parent.mkdir(exist_ok=True)
    with capfd.disabled():  # the sanitizer's report goes where it is seen
        while done < BATCHES:
            one, other = engines(chance)
            for now, _, rows in drive(20, seed=done, ranges=bool(chance.random() < 0.5)):
                LAST_BATCH.write_text(f"FUZZ_SEED={SEED} batch {done}\n")
                one.ingest(batch(rows, vehicle=int(chance.integers(0, 3))))
                one.ingest(wild_batch(chance, now))
                if chance.random() < 0.1:
                    one.forget(chance.integers(-1, 3 * CAPACITY, 3))
                if chance.random() < 0.1:
                    other.restore(one.snapshot())
                    one, other = other, one
                assert len(one.step(now + int(chance.integers(0, TICK_NS))).id) <= 3 * CAPACITY
                done += 1
