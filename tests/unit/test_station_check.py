"""What a check says of a station whose mistake is known: traffic is made right, then spoilt as installers spoil it."""

import math

import numpy as np
import pytest

from positioning.samples import Verdict
from v2x.ingest.areas import Area
from v2x.station_check import METRES_PER_DEGREE, Observation, SeenFrame, Severity, findings

LATITUDE_DEG, LONGITUDE_DEG = 52.2746, 10.5269
AREA = Area(math.radians(LATITUDE_DEG), math.radians(LONGITUDE_DEG))
START_NS = 1_800_000_000_000_000_000
BEARINGS_DEG = (10.0, 80.0, 130.0, 200.0, 355.0)
SPEED_MPS = 12.0


def traffic(spoil=lambda row: row, sensors=(("camera-1", 1),), delay_ms=40, rate_hz=10, number_of=lambda _frame, vehicle: vehicle):
    """Ten seconds of five vehicles that drive away from the middle; a row: id, latitude, longitude, speed, heading."""
    frames = []
    for frame in range(10 * rate_hz):
        time_s = frame / rate_hz
        rows = []
        for vehicle, bearing in enumerate(BEARINGS_DEG):
            north = SPEED_MPS * time_s * math.cos(math.radians(bearing)) / METRES_PER_DEGREE
            east = SPEED_MPS * time_s * math.sin(math.radians(bearing)) / METRES_PER_DEGREE / math.cos(AREA.latitude_rad)
            rows.append(spoil([number_of(frame, vehicle), LATITUDE_DEG + north, LONGITUDE_DEG + east, SPEED_MPS, bearing]))
        stamp_ns = START_NS + int(time_s * 1e9)
        frames.append(SeenFrame(stamp_ns + delay_ms * 1_000_000, stamp_ns, Verdict.ACCEPTED, sensors, np.array(rows)))
    return frames


def said(frames, **changes):
    fields = {"clock_offset_ns": 40_000_000, "is_synchronised": True, "gaps": 0, "offset": (0.1, 0.1, 0.001, 0.05)} | changes
    verdicts = fields.pop("verdicts", [frame.verdict for frame in frames])
    answers = findings(Observation("rsu-7", frames, verdicts, AREA, 10.0, **fields))
    assert [answer.severity for answer in answers] == sorted((answer.severity for answer in answers), reverse=True), "the gravest first"
    return {answer.topic: answer for answer in answers}


def test_a_station_without_mistakes_is_all_good():
    answers = said(traffic())
    assert {answer.severity for answer in answers.values()} == {Severity.GOOD}
    assert {"stream", "positions", "axes", "speed", "clock", "latency", "rate", "sensors", "offset"} == set(answers)


def heading(change):
    return lambda row: [*row[:4], change(row[4]) % 360]


def mirrored(row):
    return [row[0], row[1], 2 * LONGITUDE_DEG - row[2], row[3], row[4]]


def east_north_swapped(row):
    north, east = row[1] - LATITUDE_DEG, (row[2] - LONGITUDE_DEG) * math.cos(AREA.latitude_rad)
    return [row[0], LATITUDE_DEG + east, LONGITUDE_DEG + north / math.cos(AREA.latitude_rad), row[3], row[4]]


@pytest.mark.parametrize(
    ("spoil", "topic", "words"),
    [
        (lambda row: [row[0], row[2], row[1], *row[3:]], "positions", "latitude and longitude are swapped"),
        (lambda row: [row[0], row[1], -row[2], *row[3:]], "positions", "sign of the longitude"),
        (lambda row: [row[0], row[1] + 1.0, *row[2:]], "positions", "Check the station's pose"),
        (heading(lambda degrees: degrees + 180), "axes", "opposite"),
        (heading(lambda degrees: 90 - degrees), "axes", "counter-clockwise from east"),
        (heading(lambda degrees: degrees / 80), "axes", "in degrees instead of 0.0125"),
        (heading(lambda degrees: degrees + 40), "axes", "turned by 40 degree"),
        (heading(lambda degrees: degrees * 0 + 77), "axes", "contradict"),
        (mirrored, "axes", "east and west are swapped"),
        (east_north_swapped, "axes", "east and north are swapped"),
        (lambda row: [*row[:3], row[3] * 3.6, row[4]], "speed", "km/h instead of m/s"),
        (lambda row: [*row[:3], row[3] * 0.02, row[4]], "speed", "m/s instead of 0.02 m/s"),
        (lambda row: [*row[:3], row[3] * 6, row[4]], "speed", "6.00 times"),
    ],
)
def test_a_known_mistake_is_named(spoil, topic, words):
    answer = said(traffic(spoil))[topic]
    assert answer.severity is Severity.FAULT
    assert words in answer.text


def test_a_swapped_latitude_that_is_no_latitude_is_still_understood():
    """In Nanjing the swapped latitude is 118.69, which the wire refuses as out of range."""
    rows = np.array([[1, 118.69, 32.03, 5.0, 0.0]])
    area = Area(math.radians(32.03), math.radians(118.69))
    frame = SeenFrame(START_NS, START_NS, Verdict.ACCEPTED, (), rows)
    observation = Observation("rsu-7", [frame], [Verdict.ACCEPTED], area, 10.0, 0, True, 0, None)
    assert any("swapped" in answer.text for answer in findings(observation))


def test_nothing_came():
    assert "No frame in 10 s" in said([], clock_offset_ns=None)["stream"].text


def test_frames_without_objects():
    empty = [SeenFrame(frame.received_ns, frame.stamp_ns, frame.verdict, frame.sensors, np.empty((0, 5))) for frame in traffic()]
    assert "without a single object" in said(empty)["objects"].text


def test_refused_frames_are_told_with_their_reasons():
    answer = said(traffic(), verdicts=[Verdict.ACCEPTED] * 50 + [Verdict.RATE_LIMITED] * 40 + [Verdict.DUPLICATE] * 10)["stream"]
    assert (answer.severity, "50 refused: DUPLICATE, RATE_LIMITED" in answer.text) == (Severity.FAULT, True)


def test_a_wrong_clock_is_told():
    assert "1500 ms ahead of ours" in said(traffic(), clock_offset_ns=-1_500_000_000, is_synchronised=False)["clock"].text


def test_stamps_that_stand_still_or_are_missing():
    frames = traffic()
    still = [SeenFrame(frame.received_ns, START_NS, frame.verdict, frame.sensors, frame.objects) for frame in frames]
    assert "stands still" in said(still)["stamps"].text
    missing = [SeenFrame(frame.received_ns, None, frame.verdict, frame.sensors, frame.objects) for frame in frames]
    assert "no usable time" in said(missing)["stamps"].text


@pytest.mark.parametrize(("delay_ms", "severity"), [(40, Severity.GOOD), (300, Severity.NOTE), (800, Severity.FAULT)])
def test_latency(delay_ms, severity):
    assert said(traffic(delay_ms=delay_ms))["latency"].severity is severity


def test_a_slow_station_and_its_losses():
    answer = said(traffic(rate_hz=2), gaps=3)["rate"]
    assert answer.severity is Severity.NOTE
    assert "2.0 frames/s; 10 are wanted" in answer.text
    assert "3 sequence numbers never came" in answer.text


def test_numbers_that_change_with_each_frame():
    answers = said(traffic(number_of=lambda frame, vehicle: frame * 10 + vehicle))
    assert "change their number" in answers["identity"].text
    assert "axes" not in answers, "nothing can be said of displacements then"


@pytest.mark.parametrize(
    ("sensors", "severity"), [((), Severity.NOTE), ((("lidar", 2),), Severity.NOTE), ((("a", 1), ("b", 3)), Severity.FAULT)]
)
def test_sensor_states(sensors, severity):
    assert said(traffic(sensors=sensors))["sensors"].severity is severity


def test_an_offset_against_the_other_views():
    answer = said(traffic(), offset=(1.2, -0.4, 0.05, 0.1))["offset"]
    assert answer.severity is Severity.NOTE
    assert "+1.20 m east, -0.40 m north, +2.86 degree" in answer.text
    assert "cannot be judged" in said(traffic(), offset=None)["offset"].text
