"""A log of the real road replayed: the same decisions, from its start and from its middle, whole and damaged."""

import asyncio
import io
import math
from dataclasses import asdict

import orjson
import pytest

from intersections.decisions import CorrectedPositions, Warning
from intersections.map_json import loads
from positioning.frames import LocalFrame
from positioning.measurements import Kind
from positioning.samples import Anchor
from v2x import recorder as recorder_module
from v2x.arrivals import ArrivalKind
from v2x.clock import SetClock
from v2x.district import build_id, example_map_text, intersections_of
from v2x.events import EventLines
from v2x.load.district import PERIOD_S, Scene
from v2x.log_format import MAGIC, Gap, Header, LogError, RoadState, Step, encode_record
from v2x.pipeline import Pipeline
from v2x.recorder import LogPolicy, Recorder
from v2x.replay import encoder_of, log_files, read_files, replay
from v2x.v1 import common_pb2, roadside_pb2, vehicle_pb2
from v2x.wire import arrival

START_NS = 1_780_000_000_000_000_000
SCENE = Scene(20)
SECONDS = 12
ORIGIN = loads(example_map_text()).origin
ANCHORS = tuple(Anchor(f"gnb-{n}", ORIGIN.latitude_rad + n * 1e-5, ORIGIN.longitude_rad - n * n * 1e-5, 10.0) for n in range(3))
HEADER = Header(
    build_id(), START_NS, {"region": "district", "anchors": [asdict(anchor) for anchor in ANCHORS]}, {"example": example_map_text()}
)


def frame_arrival(side, number, now_ns):
    station = f"rsu-{side}"
    measured = common_pb2.Timestamp(unix_ns=now_ns - 5_000_000)
    head = roadside_pb2.RsuFrame(station_id=station, intersection_id="example", sequence=number, measured=measured)
    payload = head.SerializeToString() + SCENE.frames[side][number]
    return arrival(ArrivalKind.RSU_FRAME, station, "example", now_ns - 5_000_000, now_ns, payload)


def vehicle_arrivals(number, now_ns):
    """A connected vehicle's sample and its ranges, a little late."""
    measured_ns = now_ns - 40_000_000
    measured = common_pb2.Timestamp(unix_ns=measured_ns)
    east, north = 1.75, number - 60.0
    latitude, longitude = LocalFrame(ORIGIN.latitude_rad, ORIGIN.longitude_rad, ORIGIN.height_m).geodetic_from_enu([east], [north])
    place = common_pb2.Position(latitude_e7=round(math.degrees(latitude[0]) * 1e7), longitude_e7=round(math.degrees(longitude[0]) * 1e7))
    fix = vehicle_pb2.GnssFix(position=place, status=vehicle_pb2.FIX_STATUS_SINGLE, satellites_used=14)
    sample = vehicle_pb2.VehicleSample(temporary_id="car", sequence=number, measured=measured, fix=fix, speed=500, heading=0, yaw_rate=0)
    heard = [vehicle_pb2.Range(gnb_id=anchor.id, range_mm=80_000 + 300 * number) for anchor in ANCHORS]
    ranges = vehicle_pb2.RangeMeasurements(temporary_id="car", sequence=number, measured=measured, ranges=heard)
    head = "car", "example", measured_ns, now_ns
    sent = (ArrivalKind.VEHICLE_SAMPLE, sample), (ArrivalKind.RANGES, ranges)
    return [arrival(kind, *head, message.SerializeToString()) for kind, message in sent]


class ScenePlay:
    """Two stations at 10 Hz, 30 ms apart, a connected vehicle with the first, and the timer steps between."""

    def __init__(self, clock, first=0, seconds=SECONDS):
        self._clock = clock
        self._due = [
            (START_NS + round((number * PERIOD_S + side * 0.03) * 1e9), side, number)
            for number in range(first, round(seconds / PERIOD_S))
            for side in (0, 1)
        ]

    async def take(self, deadline_ns):
        if not self._due:
            return None
        now_ns = max(self._clock.now_ns(), min(deadline_ns, self._due[0][0]))
        self._clock.set(now_ns)
        arrived = [row for row in self._due if row[0] <= now_ns]
        self._due = self._due[len(arrived) :]
        vehicles = [one for _, side, number in arrived if side == 0 for one in vehicle_arrivals(number, now_ns)]
        return [frame_arrival(side, number, now_ns) for _, side, number in arrived] + vehicles


class Kept:
    def __init__(self):
        self.decisions = []

    def publish(self, decisions, now_ns):
        self.decisions += decisions


def record(folder, monkeypatch, states_every_s=2.0, **policy):
    monkeypatch.setattr(recorder_module, "STATE_PERIOD_NS", round(states_every_s * 1e9))
    recorder, clock, kept = Recorder(LogPolicy(folder, **policy), HEADER), SetClock(START_NS), Kept()
    pipeline = Pipeline(intersections_of(HEADER), recorder, [kept])
    recorder.start()
    asyncio.run(pipeline.run(ScenePlay(clock), clock))
    recorder.close(pipeline.take_state(clock.now_ns()))
    return pipeline, kept


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    pipeline, kept = record(tmp_path, monkeypatch)
    kinds = {type(decision) for decision in kept.decisions}
    assert {Warning, CorrectedPositions} <= kinds, "a log without warnings and corrected positions shows little"
    assert any(decision.sources[0] & 1 << Kind.RANGE for decision in kept.decisions if isinstance(decision, CorrectedPositions))
    return pipeline, tmp_path


def rewrite(path, keep):
    """The log with only those items for which `keep` holds; Damage cannot be."""
    items = [item for item in read_files([path]) if keep(item)]
    path.write_bytes(MAGIC + b"".join(map(encode_record, items)))


def test_a_replay_decides_what_was_decided(recorded):
    pipeline, folder = recorded
    result = replay(log_files(folder))
    assert result.same, result.differences
    assert result.digest == result.recorded_digest == pipeline.digest.hex()
    assert result.decisions == pipeline.decisions
    assert result.states_checked >= SECONDS // 2 - 1
    assert (result.gaps, result.notes) == ([], [])


def test_two_replays_are_equal_byte_for_byte(recorded):
    _, folder = recorded
    outs = []
    for _ in range(2):
        outs.append(io.BytesIO())
        files = log_files(folder)
        replay(files, [EventLines(outs[-1], encoder_of(files), tracks=True)])
    assert outs[0].getvalue() == outs[1].getvalue() != b""


def test_a_replay_from_the_middle_ends_with_the_same_hash(recorded):
    _, folder = recorded
    from_ns = START_NS + 7_000_000_000
    out = io.BytesIO()
    files = log_files(folder)
    result = replay(files, [EventLines(out, encoder_of(files), tracks=True)], from_ns=from_ns)
    assert result.same, result.differences
    assert result.digest == result.recorded_digest
    assert 0 < result.steps < sum(isinstance(item, Step) for item in read_files(files))
    assert min(orjson.loads(line)["time"] for line in out.getvalue().splitlines()) >= "2026-05-28T20:26:47"


def test_a_log_in_several_files_is_one_run(tmp_path, monkeypatch):
    pipeline, _ = record(tmp_path, monkeypatch, file_bytes=400_000)
    files = log_files(tmp_path)
    assert len(files) > 1
    result = replay(files)
    assert result.same, result.differences
    assert result.digest == pipeline.digest.hex()
    assert replay(files[-1:]).digest == pipeline.digest.hex(), "the last file alone ends the same"


def test_a_changed_step_is_noticed(recorded):
    _, folder = recorded
    (path,) = log_files(folder)
    steps = [item for item in read_files([path]) if isinstance(item, Step) and item.arrivals]
    victim = steps[len(steps) // 2]
    rewrite(path, lambda item: item != victim)
    result = replay([path])
    assert not result.same
    assert "not those recorded" in result.differences[0]


def test_a_gap_is_told_and_the_rest_verified(recorded):
    pipeline, folder = recorded
    (path,) = log_files(folder)
    items = list(read_files([path]))
    states = [index for index, item in enumerate(items) if isinstance(item, RoadState)]
    first, last = states[2] + 5, states[3]
    gap = Gap(items[first].now_ns, items[last - 1].now_ns, last - first)
    path.write_bytes(MAGIC + b"".join(map(encode_record, [*items[:first], gap, *items[last:]])))
    result = replay([path])
    assert result.gaps == [gap]
    assert result.same, result.differences
    assert result.digest == pipeline.digest.hex()


def test_a_torn_tail_is_told_and_the_rest_verified(recorded):
    _, folder = recorded
    (path,) = log_files(folder)
    path.write_bytes(path.read_bytes()[:-30])
    result = replay([path])
    assert result.same
    assert result.recorded_digest == ""
    assert any("nothing whole follows" in note for note in result.notes)
    assert any("no END" in note for note in result.notes)


def test_a_damaged_record_is_told_and_the_rest_verified(recorded):
    pipeline, folder = recorded
    (path,) = log_files(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    result = replay([path])
    assert any("checksum" in note for note in result.notes)
    assert result.same, result.differences
    assert result.digest == pipeline.digest.hex()


def test_a_log_of_another_build_says_so(recorded):
    _, folder = recorded
    (path,) = log_files(folder)
    items = [item for item in read_files([path]) if not isinstance(item, Header)]
    other = Header("another", START_NS, HEADER.settings, HEADER.maps)
    path.write_bytes(MAGIC + b"".join(map(encode_record, [other, *items])))
    assert any("recorded by build another" in note for note in replay([path]).notes)


def test_events_have_a_name_a_time_and_an_intersection(recorded):
    _, folder = recorded
    files, out = log_files(folder), io.BytesIO()
    replay(files, [EventLines(out, encoder_of(files))])
    events = [orjson.loads(line) for line in out.getvalue().splitlines()]
    assert {event["name"] for event in events} >= {"WARNING_RAISED", "WARNING_CLEARED"}
    assert all(event["intersection"] == "example" and event["time"].endswith("Z") for event in events)


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(LogError, match=r"no \*\.v2xlog"):
        log_files(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.v2xlog").touch()
    with pytest.raises(LogError, match=r"a\.v2xlog"):
        replay([tmp_path / "a.v2xlog"])
