"""Ten minutes of the Braunschweig crossing from noiseless truth: nothing collides there, so (nearly) nothing may be warned of.

Constant-velocity rules give 1,380 warnings in 15 minutes of this traffic.
"""

import math
import os
from collections import Counter

import numpy as np
import pytest

from intersections.decisions import TrackReport, Warning, WarningState
from intersections.samples import SignalSample
from intersections.step import Intersection, step
from positioning.samples import DETECTION_COLUMNS, Detection, RsuFrame

if not os.environ.get("CI"):
    pytest.importorskip("libsumo", reason="SUMO is not installed (extra 'sim')")

from v2x.sim.lamps import group_states
from v2x.sim.stage import Play, open_stage
from v2x.sim.truth import Motion

START_NS = 1_700_000_000_000_000_000
STEPS = 6000  # 10 minutes
IN_VIEW_M = 200.0
WARNINGS_MAX = 2


def truth_frame(intersection, truth, number):
    """Everybody in view, as one station without error would see them."""
    truth = truth.take(np.hypot(truth.motion[:, Motion.EAST_M], truth.motion[:, Motion.NORTH_M]) < IN_VIEW_M)
    rows = np.full((len(truth.ids), DETECTION_COLUMNS), np.nan)
    places = intersection.frame.geodetic_from_enu(truth.motion[:, Motion.EAST_M], truth.motion[:, Motion.NORTH_M])
    rows[:, Detection.LATITUDE_RAD], rows[:, Detection.LONGITUDE_RAD] = places
    rows[:, Detection.SPEED_MPS] = truth.motion[:, Motion.SPEED_MPS]
    rows[:, Detection.HEADING_RAD] = truth.motion[:, Motion.HEADING_RAD]
    rows[:, Detection.ACCELERATION_MPS2] = truth.motion[:, Motion.ACCELERATION_MPS2]
    rows[:, Detection.LENGTH_M : Detection.HEIGHT_M + 1] = truth.sizes_m
    rows[:, Detection.POSITION_SIGMA_M], rows[:, Detection.SPEED_SIGMA_MPS] = 0.05, 0.05
    rows[:, Detection.HEADING_SIGMA_RAD], rows[:, Detection.EXISTENCE] = math.radians(0.3), 1.0
    rows[:, Detection.LOCAL_ID], rows[:, Detection.OBJECT_CLASS] = truth.ids, truth.classes
    now_ns = START_NS + number * 100_000_000
    return RsuFrame("truth", intersection.id, number, now_ns, now_ns, rows)


def test_ten_minutes_of_truth_are_quiet(tmp_path):
    stage = open_stage(Play(), tmp_path)
    field = stage.field
    intersection = Intersection(stage.map)
    raised, tracked = Counter(), 0
    try:
        for number in range(STEPS):
            frame = truth_frame(intersection, field.world.step(), number)
            groups = tuple(group_states(field.world.lamps(field.traffic_light), field.groups))
            lamps = SignalSample(intersection.id, number, frame.measured_ns, frame.received_ns, groups)
            decisions, _ = step(intersection, [lamps, frame], frame.received_ns)
            raised.update(d.kind for d in decisions if isinstance(d, Warning) and d.state is WarningState.RAISED)
            tracked += sum(len(decision.ids) for decision in decisions if isinstance(decision, TrackReport))
    finally:
        field.world.close()
    assert tracked > 15 * STEPS, "the crossing has to be busy for its quiet to mean anything"
    assert sum(raised.values()) <= WARNINGS_MAX, raised
