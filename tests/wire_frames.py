"""Frames for the wire tests: a small corpus of valid ones, hostile ones, and the judgement that kernel and twin agree."""

import random

import numpy as np

from v2x import wire
from v2x._wire import ParsedFrame
from v2x.v1 import roadside_pb2 as pb
from v2x.wire import twin

SCALARS = ("station", "intersection", "sequence", "stamp", "sensors", "left_out")
SIZES = (  # class, length, width, height, cm
    (1, 430, 175, 145), (1, 470, 180, 145), (1, 390, 170, 150), (2, 1200, 245, 300), (3, 900, 240, 320), (5, 170, 50, 160),
    (6, 40, 40, 165),
)  # fmt: skip


def assert_same_verdict(payload: bytes) -> ParsedFrame | None:
    """Both take the payload and find the same in it, or both refuse it with the same verdict (None)."""
    by_twin, by_kernel = _outcome(twin.parse_rsu_frame, payload), _outcome(wire.parse_rsu_frame, payload)
    if isinstance(by_twin, wire.WireError) or isinstance(by_kernel, wire.WireError):
        assert getattr(by_kernel, "verdict", "taken") == getattr(by_twin, "verdict", "taken"), payload.hex()
        return None
    for name in SCALARS:
        assert getattr(by_kernel, name) == getattr(by_twin, name), (name, payload.hex())
    mine, reference = by_kernel.rows, by_twin.rows
    assert (mine.dtype, mine.shape) == (reference.dtype, reference.shape)
    assert mine.tobytes() == reference.tobytes() or np.array_equal(mine, reference, equal_nan=True), payload.hex()
    return by_kernel


def _outcome(parse, payload: bytes) -> ParsedFrame | wire.WireError:
    try:
        return parse(payload)
    except wire.WireError as error:
        return error


def traffic_frame(seed: int, count: int) -> pb.RsuFrame:
    """A station's view of moving traffic: every field that a station can send, with the values that traffic has."""
    chance = random.Random(seed)
    frame = pb.RsuFrame(station_id="rsu-north", intersection_id="braunschweig-1", sequence=100_000 + seed)
    frame.measured.unix_ns = 1_790_000_000_000_000_000 + seed * 100_000_000
    frame.sensors.add(sensor_id="camera-1", kind=pb.SENSOR_KIND_CAMERA, health=pb.SENSOR_HEALTH_GOOD)
    frame.sensors.add(sensor_id="lidar-1", kind=pb.SENSOR_KIND_LIDAR, health=pb.SENSOR_HEALTH_GOOD)
    for index in range(count):
        object_class, length_cm, width_cm, height_cm = chance.choice(SIZES)
        frame.objects.add(
            local_id=(1000 + 7 * seed + index) % 65536, object_class=object_class,
            latitude_e7=522_675_000 + chance.randrange(-9000, 9000), longitude_e7=105_267_000 + chance.randrange(-15000, 15000),
            speed=chance.randrange(750), heading=chance.randrange(28800), acceleration=round(chance.gauss(0, 80)),
            yaw_rate=round(chance.gauss(0, 500)), length_cm=length_cm + chance.randrange(60), width_cm=width_cm + chance.randrange(20),
            height_cm=height_cm + chance.randrange(20), position_accuracy_cm=chance.randrange(15, 60),
            speed_accuracy=chance.randrange(20, 90),
            heading_accuracy=chance.randrange(80, 400), existence_confidence=chance.randrange(70, 101),
        )  # fmt: skip
    return frame


SIZES = (
    (1, 430, 175, 145),
    (1, 470, 180, 145),
    (1, 390, 170, 150),
    (2, 1200, 245, 300),
    (3, 900, 240, 320),
    (5, 170, 50, 160),
    (6, 40, 40, 165),
)


def varint(value: int, padding: int = 0) -> bytes:
    """Over-long by `padding` bytes."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def field_bytes(number: int, wire_type: int, body: bytes, padding: int) -> bytes:
    """One field of any number and type around `body`; groups are closed, varints made of the body, all by `padding` over-long."""
    tag = varint(number << 3 | wire_type, padding if padding > 5 else 0)
    match wire_type:
        case 0:
            return tag + varint(int.from_bytes(body[:8], "little"), padding)
        case 1:
            return tag + body[:8].ljust(8, b"\x01")
        case 2:
            return tag + varint(len(body), padding) + body
        case 3:
            return tag + body + varint(number << 3 | 4)
        case 5:
            return tag + body[:4].ljust(4, b"\x01")
        case _:
            return tag


CORPUS = [traffic_frame(seed, count).SerializeToString() for seed, count in enumerate((0, 1, 2, 5, 12, 50))]
HOSTILE = [
    b"\x32\xff\xff\xff\xff\x07",  # an object of 2 GiB
    b"\x0a" + b"\xff" * 9 + b"\x01",
    b"\x7b" * 60_000,  # groups that never close
    b"\x7b" * 100 + b"\x7c" * 100,
    b"\x32\x02\x7b\x7b" * 400,
    b"\x22" + varint(200) + b"\x7b" * 100 + b"\x7c" * 100,
    b"\x22" + varint(198) + b"\x7b" * 99 + b"\x7c" * 99,
    b"\x7b\x00\x05\x7c",  # field 0 inside a group
    b"\x03\x04",
    b"\x80" * 50_000,
    b"\x32\x00" * 513,
    b"\x00" * 65_537,
]
