"""A real forward-collision alert of the New York pilot: the target's reported speed is frozen while its positions move.

The data set is lent, not ours; its folder is named by V2X_DATA (default ../shared/data).
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from positioning.tracks import TrackTable
from tests.track_scenes import FRAME, detection_row, motion_sample, seconds

EVENT = Path(os.environ.get("V2X_DATA", "../shared/data")) / "nycdot_cv_events" / "nycdot-fcw-event.json"
HOST, TARGET = "C7D30386", "A305214A"
FIRST_S = -7.0


@pytest.fixture(scope="module")
def messages():
    if not EVENT.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{EVENT} is absent; in CI it must be there")
        pytest.skip(f"{EVENT} is absent; set V2X_DATA to the folder of the data sets")
    records = [record["bsmRecord"]["bsmMsg"]["coreData"] for record in json.loads(EVENT.read_text())["bsmList"]]
    return sorted(records, key=lambda core: core["T_s"])


def sample_of(core, sequence):
    row = detection_row(
        core["X_m"],
        core["Y_m"],
        core["speed_mps"],
        np.radians(core["heading_deg"]),
        yaw_rate_radps=np.radians(core["accelSet"]["yaw_dps"]),
        acceleration_mps2=core["accelSet"]["long_mpss"],
    )
    return motion_sample(core["T_s"] - FIRST_S, row, vehicle=core["id"], sequence=sequence)


@pytest.fixture(scope="module")
def replayed(messages):
    table, faults, views = TrackTable(FRAME), [], []
    for sequence, core in enumerate(messages):
        now = seconds(core["T_s"] - FIRST_S)
        table.expire(now)
        assert sum(table.update_motion([sample_of(core, sequence)]).values()) == 1
        faults += table.take_faults()
        views.append((core, table.view(now)))
    return faults, views


def test_the_frozen_speed_is_reported_once_and_the_host_is_not_blamed(replayed):
    faults, _ = replayed
    assert [(fault.source, fault.quantity, fault.cleared) for fault in faults] == [(TARGET, "speed", False)]
    assert "5.7 m/s" in faults[0].text
    assert faults[0].found_ns < seconds(2.5)


def test_the_target_is_tracked_at_the_speed_of_its_positions(replayed):
    _, views = replayed
    speeds = {HOST: [], TARGET: []}
    for core, view in views:
        for row, track in enumerate(view.ids):
            name = view.vehicles[int(track)]
            if core["id"] == name and core["T_s"] > views[0][0]["T_s"] + 1.0:
                speeds[name].append(view.motion[row, 2])
    # positions: 22.5 m in 1 s on average over the recording, for both
    assert np.min(speeds[TARGET]) > 20
    assert np.max(speeds[TARGET]) < 25
    assert np.min(speeds[HOST]) > 20
    assert np.max(speeds[HOST]) < 23


def test_each_vehicle_is_one_track_all_the_time(replayed):
    _, views = replayed
    assert {int(track) for _, view in views for track in view.ids} == {1, 2}
