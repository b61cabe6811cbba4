"""Kernel and twin agree: on every frame that can be written, on every bytes that generated code takes, and on what it refuses."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.wire_frames import CORPUS, HOSTILE, assert_same_verdict, field_bytes
from v2x.v1 import roadside_pb2 as pb

patient = settings(deadline=None, max_examples=200)  # the machine may be busy with others
uint32 = st.integers(0, 2**32 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)


def near(lowest: int, highest: int) -> st.SearchStrategy[int]:
    """Mostly in the range, often at its ends, one or two beyond."""
    below = lowest - 1 if lowest else 0
    return st.one_of(st.integers(lowest, highest), st.sampled_from([below, lowest, highest, highest + 1, highest + 2]))


def optional(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.one_of(st.none(), values)


objects = st.builds(
    pb.DetectedObject,
    local_id=near(0, 65535),
    object_class=st.one_of(st.integers(0, 11), int32),
    latitude_e7=near(-900_000_000, 900_000_000),
    longitude_e7=near(-1_800_000_000, 1_800_000_000),
    speed=optional(near(0, 8190)),
    heading=optional(near(0, 28799)),
    acceleration=optional(near(-2000, 2000)),
    yaw_rate=optional(near(-32767, 32767)),
    length_cm=optional(near(1, 4095)),
    width_cm=optional(near(1, 4095)),
    height_cm=optional(near(1, 4095)),
    position_accuracy_cm=optional(near(1, 65534)),
    speed_accuracy=optional(near(1, 65534)),
    heading_accuracy=optional(near(1, 28799)),
    existence_confidence=optional(near(0, 100)),
)
frames = st.builds(
    pb.RsuFrame,
    station_id=st.text(max_size=20),
    intersection_id=st.text(max_size=5),
    sequence=uint32,
    sensors=st.lists(st.builds(pb.SensorStatus, sensor_id=st.text(max_size=5), kind=int32, health=st.integers(-1, 5)), max_size=3),
    objects=st.lists(objects, max_size=8),
)
# Wire forms that encoders do not write: fields again and again, in any order, of the wrong type, over-long, nested.
fields = st.builds(field_bytes, st.integers(0, 17), st.integers(0, 7), st.binary(max_size=40), st.integers(0, 11))
wild = st.lists(fields, max_size=12).map(b"".join)
nested = wild.map(lambda body: field_bytes(6, 2, body, 0))


@patient
@given(frames)
def test_frames_that_encoders_write(frame: pb.RsuFrame) -> None:
    parsed = assert_same_verdict(frame.SerializeToString())
    assert parsed is not None
    assert len(parsed.rows) + parsed.left_out == len(frame.objects)


@patient
@given(frames, st.integers(0, 2**32 - 1))
def test_mutated_frames(frame: pb.RsuFrame, seed: int) -> None:
    random = np.random.default_rng(seed)
    payload = bytearray(frame.SerializeToString() or b"\x00")
    for _ in range(random.integers(1, 5)):
        payload[random.integers(len(payload))] = random.integers(256)
    assert_same_verdict(bytes(payload))


@patient
@given(st.lists(st.one_of(wild, nested), max_size=6).map(b"".join))
def test_wild_wire_forms(payload: bytes) -> None:
    assert_same_verdict(payload)


@patient
@given(st.binary(max_size=200))
@example(HOSTILE[0])
def test_random_bytes(payload: bytes) -> None:
    assert_same_verdict(payload)


def test_hostile_forms() -> None:
    for payload in HOSTILE + CORPUS:
        assert_same_verdict(payload)
