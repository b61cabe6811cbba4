"""CPU time from the bytes of one set of frames to decisions: decode, tracks, conflicts, warnings, report.

A set is what all stations see of the objects at one moment, in frames of 50; 200 and 1,000 objects in 200 m x 200 m.
Two scenes: `streets` (budgeted), rows of vehicles, cyclists and pedestrians that keep their distance, as dense traffic does; and
`crowd`, everybody anywhere in any direction, hundreds of real conflicts at once, recorded without a budget.
"""

import math
import time

import numpy as np
import pytest

from bench.figures import CALIBRATION_REFERENCE_MS, calibration_ms, record
from intersections.step import Intersection, step
from positioning.samples import Detection, ObjectClass
from v2x.arrivals import ArrivalKind
from v2x.importers.four_arms import four_arm_crossing
from v2x.sim.encode import rsu_frame
from v2x.sim.sensors import Seen
from v2x.wire import arrival

FIELD_M = 200.0
FRAME_OBJECTS = 50
PERIOD_NS = 100_000_000
START_NS = 1_700_000_000_000_000_000
WARM_UP_SETS = 15
MEASURED_SETS = 25
NOISE_M = 0.1
SIZES_M = {ObjectClass.CAR: (4.5, 1.8, 1.5), ObjectClass.BICYCLE: (1.8, 0.6, 1.7), ObjectClass.PEDESTRIAN: (0.5, 0.5, 1.7)}
KINDS = list(SIZES_M)
BUDGET_MS = {200: 2.0, 1000: 10.0}


def streets(count, random):
    """Rows 4 m apart in alternating directions, one speed and one class a row, evenly spaced: nobody is in anybody's way."""
    rows = int(FIELD_M / 4)
    row = np.arange(count) % rows
    place = np.arange(count) // rows
    per_row = math.ceil(count / rows)
    kind = np.array([random.choice(3, p=(0.7, 0.1, 0.2)) for _ in range(rows)])[row]
    speed = np.array([9.0, 4.5, 1.4])[kind]
    east = (place + 0.5 * (row % 2)) * FIELD_M / per_row - FIELD_M / 2
    return kind, np.column_stack((east, row * 4.0 - FIELD_M / 2)), speed, np.where(row % 2, math.pi / 2, 3 * math.pi / 2)


def crowd(count, random):
    kind = random.choice(3, size=count, p=(0.4, 0.1, 0.5))
    speed = np.array([8.0, 4.0, 1.4])[kind] * random.choice((0.0, 1.0), size=count, p=(0.4, 0.6))
    return kind, random.uniform(-FIELD_M / 2, FIELD_M / 2, (count, 2)), speed, random.uniform(0, 2 * math.pi, count)


def payload_sets(frame, scene, count):
    """For each moment the payloads of all frames."""
    random = np.random.default_rng(5)
    kind, place, speed, heading = scene(count, random)
    velocity = speed[:, None] * np.column_stack((np.sin(heading), np.cos(heading)))
    classes = np.array([KINDS[k] for k in kind], np.uint8)
    sizes = np.array([SIZES_M[KINDS[k]] for k in kind])
    sets = []
    for moment in range(WARM_UP_SETS + MEASURED_SETS):
        enu = place + velocity * moment * 0.1 + random.normal(0, NOISE_M, place.shape)
        rows = np.full((count, len(Detection)), np.nan)
        rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD] = frame.geodetic_from_enu(enu[:, 0], enu[:, 1])
        rows[:, Detection.SPEED_MPS], rows[:, Detection.HEADING_RAD] = speed, heading
        rows[:, Detection.LENGTH_M : Detection.HEIGHT_M + 1] = sizes
        rows[:, Detection.POSITION_SIGMA_M], rows[:, Detection.SPEED_SIGMA_MPS] = NOISE_M, 0.3
        rows[:, Detection.HEADING_SIGMA_RAD], rows[:, Detection.EXISTENCE] = math.radians(2), 1.0
        rows[:, Detection.LOCAL_ID], rows[:, Detection.OBJECT_CLASS] = range(count), classes
        sets.append(frames_of(rows, moment))
    return sets


def frames_of(rows, moment):
    frames = []
    for number, start in enumerate(range(0, len(rows), FRAME_OBJECTS)):
        part = slice(start, start + FRAME_OBJECTS)
        seen = Seen(rows[part], np.arange(len(rows))[part])
        payload = rsu_frame(f"rsu-{number}", "example", moment, START_NS + moment * PERIOD_NS, seen)
        frames.append((f"rsu-{number}", payload))
    return frames


def chain_ms(scene, count):
    intersection = Intersection(four_arm_crossing())
    spent_ns = []
    for moment, frames in enumerate(payload_sets(intersection.frame, scene, count)):
        now_ns = START_NS + moment * PERIOD_NS
        before_ns = time.process_time_ns()
        samples = [arrival(ArrivalKind.RSU_FRAME, source, "example", now_ns, now_ns, payload).sample for source, payload in frames]
        step(intersection, samples, now_ns)
        spent_ns.append(time.process_time_ns() - before_ns)
    tracked = len(intersection.tracks)
    assert tracked >= 0.95 * count, f"only {tracked} of {count} objects tracked: the figure would flatter"
    return float(np.mean(spent_ns[WARM_UP_SETS:])) / 1e6


@pytest.mark.parametrize("count", [200, 1000])
def test_chain(count):
    spent_ms = chain_ms(streets, count) * CALIBRATION_REFERENCE_MS / calibration_ms()
    record(f"chain_ms_{count}", spent_ms, at_most=BUDGET_MS[count])


@pytest.mark.parametrize("count", [200, 1000])
def test_chain_in_a_crowd(count):
    record(f"chain_crowd_ms_{count}", chain_ms(crowd, count) * CALIBRATION_REFERENCE_MS / calibration_ms())
