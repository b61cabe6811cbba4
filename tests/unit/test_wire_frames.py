"""Roadside frames off the wire: the same cases on the kernel and on its readable twin.

Expected values are the field comments of `roadside.proto` done by hand, not the table of scales.
"""

import math
import struct
from collections.abc import Callable

import numpy as np
import pytest

from positioning.samples import DETECTION_COLUMNS, Detection, ObjectClass, Verdict
from v2x import wire
from v2x._wire import FrameReader, ParsedFrame
from v2x.v1 import roadside_pb2 as pb
from v2x.wire import twin
from v2x.wire.scales import DETECTION_TABLE

Parse = Callable[..., ParsedFrame]


@pytest.fixture(params=[wire.parse_rsu_frame, twin.parse_rsu_frame], ids=["kernel", "twin"])
def parse(request) -> Parse:
    return request.param


FULL = {
    "local_id": 65535, "object_class": pb.DetectedObject().object_class + 6, "latitude_e7": 522_675_001, "longitude_e7": -105_267_002,
    "speed": 700, "heading": 28799, "acceleration": -350, "yaw_rate": 1250, "length_cm": 450, "width_cm": 181, "height_cm": 152,
    "position_accuracy_cm": 25, "speed_accuracy": 40, "heading_accuracy": 160, "existence_confidence": 97,
}  # fmt: skip
FULL_ROW = [
    math.radians(52.2675001), math.radians(-10.5267002), 14.0, math.radians(359.9875), -3.5, math.radians(12.5), 4.5, 1.81, 1.52,
    0.25, 0.4, math.radians(2.0), 0.97, 65535, ObjectClass.PEDESTRIAN,
]  # fmt: skip
UNAVAILABLE = {
    "speed": 8191, "heading": 28800, "acceleration": 2001, "yaw_rate": 32768, "length_cm": 0, "width_cm": 0, "height_cm": 0,
    "position_accuracy_cm": 65535, "speed_accuracy": 65535, "heading_accuracy": 28800, "existence_confidence": 101,
}  # fmt: skip
RANGES = {
    "local_id": (0, 65535), "latitude_e7": (-900_000_000, 900_000_000), "longitude_e7": (-1_800_000_000, 1_800_000_000), "speed": (0, 8190),
    "heading": (0, 28799), "acceleration": (-2000, 2000), "yaw_rate": (-32767, 32767), "length_cm": (1, 4095), "width_cm": (1, 4095),
    "height_cm": (1, 4095), "position_accuracy_cm": (1, 65534), "speed_accuracy": (1, 65534), "heading_accuracy": (1, 28799),
    "existence_confidence": (0, 100),
}  # fmt: skip
COLUMNS = dict(zip(list(FULL)[2:], list(Detection)[:-2], strict=True))
PADDING = b"\x7a\x50" + bytes(80)  # an unknown field behind the objects lets them take the kernel's fast path


def frame(*objects: dict[str, int], **header: object) -> bytes:
    return pb.RsuFrame(objects=[pb.DetectedObject(**fields) for fields in objects], **header).SerializeToString()


def varint(value: int, length: int = 0) -> bytes:
    """Over-long where `length` asks for more bytes than needed."""
    out = bytearray()
    while value > 0x7F or len(out) + 1 < length:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def in_object(body: bytes) -> bytes:
    return b"\x32" + varint(len(body)) + body


PLACE = b"\x1d" + struct.pack("<i", 522_675_001) + b"\x25" + struct.pack("<i", 105_267_002)


@pytest.mark.parametrize("behind", [b"", PADDING], ids=["at the end", "inside"])
class TestObjects:
    def test_every_field_in_si(self, parse: Parse, behind: bytes) -> None:
        parsed = parse(frame(FULL) + behind)
        np.testing.assert_allclose(parsed.rows, [FULL_ROW], rtol=1e-14)
        assert parsed.left_out == 0

    def test_left_out_fields_are_nan(self, parse: Parse, behind: bytes) -> None:
        parsed = parse(frame({"latitude_e7": 1, "longitude_e7": 0}) + behind)
        assert parsed.rows[0, :2].tolist() == [math.radians(1e-7), 0.0]
        assert np.isnan(parsed.rows[0, 2 : Detection.LOCAL_ID]).all()
        assert parsed.rows[0, Detection.LOCAL_ID :].tolist() == [0, ObjectClass.UNKNOWN]

    @pytest.mark.parametrize("name", UNAVAILABLE)
    def test_unavailable_code_is_nan(self, parse: Parse, behind: bytes, name: str) -> None:
        parsed = parse(frame(FULL | {name: UNAVAILABLE[name]}) + behind)
        expected = FULL_ROW.copy()
        expected[COLUMNS[name]] = math.nan
        np.testing.assert_allclose(parsed.rows, [expected], rtol=1e-14)

    @pytest.mark.parametrize(("name", "end"), [(name, end) for name in RANGES for end in (0, 1)])
    def test_ends_of_the_range_are_in(self, parse: Parse, behind: bytes, name: str, end: int) -> None:
        assert parse(frame(FULL | {name: RANGES[name][end]}) + behind).left_out == 0

    @pytest.mark.parametrize(("name", "beyond"), [
        ("local_id", 65536), ("latitude_e7", 900_000_001), ("latitude_e7", -900_000_001), ("longitude_e7", 1_800_000_001),
        ("longitude_e7", -1_800_000_001), ("speed", 8192), ("speed", 2**32 - 1), ("heading", 28801), ("acceleration", 2002),
        ("acceleration", -2001), ("yaw_rate", 32769), ("yaw_rate", -32768), ("length_cm", 4096), ("width_cm", 4096), ("height_cm", 4096),
        ("position_accuracy_cm", 0), ("position_accuracy_cm", 65536), ("speed_accuracy", 0), ("heading_accuracy", 0),
        ("heading_accuracy", 28801), ("existence_confidence", 102),
    ])  # fmt: skip
    def test_object_out_of_range_is_left_out_alone(self, parse: Parse, behind: bytes, name: str, beyond: int) -> None:
        first, last = FULL | {"local_id": 1}, FULL | {"local_id": 3}
        parsed = parse(frame(first, FULL | {name: beyond}, last) + behind)
        assert parsed.left_out == 1
        expected = np.array([FULL_ROW, FULL_ROW])
        expected[:, Detection.LOCAL_ID] = 1, 3
        np.testing.assert_allclose(parsed.rows, expected, rtol=1e-14)
        assert parsed.rows.flags.c_contiguous

    def test_object_without_a_position_is_left_out(self, parse: Parse, behind: bytes) -> None:
        parsed = parse(frame({"speed": 100, "heading": 10}, FULL) + behind)
        assert (parsed.left_out, len(parsed.rows)) == (1, 1)

    @pytest.mark.parametrize("number", [11, 127, 128, 2**31 - 1, -1])
    def test_class_of_a_newer_version_is_unknown(self, parse: Parse, behind: bytes, number: int) -> None:
        assert parse(frame(FULL | {"object_class": number}) + behind).rows[0, Detection.OBJECT_CLASS] == ObjectClass.UNKNOWN

    def test_last_value_of_a_repeated_field_counts(self, parse: Parse, behind: bytes) -> None:
        speeds = b"\x28" + varint(9000) + b"\x28" + varint(100)  # the first is out of range, and does not count
        assert parse(in_object(PLACE + speeds) + behind).rows[0, Detection.SPEED_MPS] == 2.0

    def test_fields_in_any_order(self, parse: Parse, behind: bytes) -> None:
        parsed = parse(in_object(b"\x28\x64" + PLACE + b"\x10\x02\x08\x07") + behind)
        assert parsed.rows[0, [Detection.LOCAL_ID, Detection.OBJECT_CLASS, Detection.SPEED_MPS]].tolist() == [7, 2, 2.0]

    @pytest.mark.parametrize("length", range(1, 11))
    def test_over_long_value(self, parse: Parse, behind: bytes, length: int) -> None:
        parsed = parse(in_object(PLACE + b"\x28" + varint(100, length)) + behind)
        assert parsed.rows[0, Detection.SPEED_MPS] == 2.0

    def test_value_above_32_bits_is_cut(self, parse: Parse, behind: bytes) -> None:
        assert parse(in_object(PLACE + b"\x28" + varint(2**32 + 100)) + behind).rows[0, Detection.SPEED_MPS] == 2.0

    @pytest.mark.parametrize("unknown", [
        b"\x80\x01\x05", b"\x81\x01" + bytes(8), b"\x82\x01\x03abc", b"\x83\x01\x08\x01\x13\x0a\x01\xff\x14\x84\x01",
        b"\x85\x01" + bytes(4),
        b"\x2a\x01\x07",  # field 5, speed, as bytes
        b"\x1b\x1c",  # field 3, latitude, as a group
        b"\x18\x07",  # field 3, latitude, as a varint
    ], ids=["varint", "fixed64", "bytes", "groups", "fixed32", "speed as bytes", "latitude as group", "latitude as varint"])  # fmt: skip
    @pytest.mark.parametrize("first", [True, False])
    def test_unknown_field_is_passed_over(self, parse: Parse, behind: bytes, unknown: bytes, first: bool) -> None:
        known = PLACE + b"\x28\x64"
        parsed = parse(in_object(unknown + known if first else known + unknown) + behind)
        assert parsed.rows[0, Detection.SPEED_MPS] == 2.0
        assert parsed.rows[0, Detection.LATITUDE_RAD] == pytest.approx(math.radians(52.2675001), rel=1e-14)

    @pytest.mark.parametrize("body", [
        b"\x28", b"\x28\x80", b"\x28" + b"\x80" * 10 + b"\x00", PLACE[:-1], PLACE + b"\x00\x01", PLACE + b"\x2c", PLACE + b"\x2b",
        PLACE + b"\x2b\x34", PLACE + b"\x2e", PLACE + b"\x82\x01\x04abc", PLACE + b"\x81\x01" + bytes(7),
        PLACE + b"\x80\x80\x80\x80\x80\x01\x01",
    ])  # fmt: skip
    def test_malformed_object_costs_the_frame(self, parse: Parse, behind: bytes, body: bytes) -> None:
        with pytest.raises(wire.WireError) as error:
            parse(frame(FULL) + in_object(body) + behind)
        assert error.value.verdict is Verdict.MALFORMED


def test_header(parse: Parse) -> None:
    header = pb.RsuFrame(station_id="rsu-né", intersection_id="x", sequence=2**32 - 1)
    header.measured.unix_ns = 2**63 + 5
    header.sensors.add(sensor_id="roof", kind=3, health=1)
    header.sensors.add(kind=9, health=-1)
    parsed = parse(header.SerializeToString())
    assert (parsed.station, parsed.intersection, parsed.sequence) == ("rsu-né", "x", 2**32 - 1)
    assert parsed.stamp == (wire.StampForm.UNIX, 2**63 + 5)
    assert parsed.sensors == (("roof", 3, 1), ("", 0, 0))


def test_empty_payload_is_an_empty_frame(parse: Parse) -> None:
    parsed = parse(b"")
    assert (parsed.station, parsed.stamp, parsed.sensors, parsed.left_out) == ("", (wire.StampForm.NONE, 0), (), 0)
    assert (parsed.rows.shape, parsed.rows.dtype) == ((0, DETECTION_COLUMNS), np.float64)


def test_stamps_are_merged_and_the_last_form_counts(parse: Parse) -> None:
    week, empty, mark = b"\x22\x02\x18\x09", b"\x22\x00", b"\x22\x04\x10\x05\x10\x07"
    assert parse(mark + week + empty).stamp == (wire.StampForm.TIME_OF_WEEK, 9)
    assert parse(week + mark + empty).stamp == (wire.StampForm.SECOND_MARK, 7)


@pytest.mark.parametrize("text", [
    b"\xff", b"\xc0\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe2\x82",
    b"\xf5\x80\x80\x80", b"a\x80",
])  # fmt: skip
@pytest.mark.parametrize("where", ["station", "overwritten station", "sensor"])
def test_text_that_is_not_utf8(parse: Parse, text: bytes, where: str) -> None:
    field = b"\x0a" + varint(len(text)) + text
    payload = {"station": field, "overwritten station": field + b"\x0a\x01a", "sensor": b"\x2a" + varint(len(field)) + field}[where]
    with pytest.raises(wire.WireError) as error:
        parse(payload)
    assert error.value.verdict is Verdict.MALFORMED


@pytest.mark.parametrize("text", ["\x00", "é", "ࠀ", "\ud7ff", "\ue000", "\U00010000", "\U0010ffff"])
def test_text_at_the_ends_of_utf8(parse: Parse, text: str) -> None:
    assert parse(pb.RsuFrame(station_id=text).SerializeToString()).station == text


@pytest.mark.parametrize(("depth", "taken"), [(100, True), (101, False)])
def test_groups_in_groups(parse: Parse, depth: int, taken: bool) -> None:
    """upb's limit of 100 is ours."""
    payload = b"\x7b" * depth + b"\x7c" * depth
    if taken:
        assert len(parse(payload).rows) == 0
    else:
        with pytest.raises(wire.WireError, match="MALFORMED"):
            parse(payload)


@pytest.mark.parametrize("length", range(1, 8))
def test_over_long_tags_and_lengths(parse: Parse, length: int) -> None:
    """Five bytes at most, as generated code has it."""
    for payload in (varint(0x18, length) + b"\x05", b"\x0a" + varint(1, length) + b"a"):
        if length <= 5:
            parse(payload)
        else:
            with pytest.raises(wire.WireError, match="MALFORMED"):
                parse(payload)


def test_every_truncation_is_malformed_or_shorter(parse: Parse) -> None:
    payload = frame(FULL, FULL, station_id="rsu", sequence=7)
    for end in range(len(payload)):
        try:
            rows = parse(payload[:end]).rows
        except wire.WireError as error:
            assert error.verdict is Verdict.MALFORMED  # noqa: PT017  # either outcome is right, each where it is
        else:
            assert len(rows) < 2


def test_too_many_bytes(parse: Parse) -> None:
    payload = frame(FULL)
    assert len(parse(payload, max_bytes=len(payload)).rows) == 1
    with pytest.raises(wire.WireError) as error:
        parse(payload, max_bytes=len(payload) - 1)
    assert error.value.verdict is Verdict.OVERSIZED


@pytest.mark.parametrize(("field", "limit"), [(b"\x32\x00", wire.MAX_OBJECTS), (b"\x2a\x00", 64)], ids=["objects", "sensors"])
def test_too_many(parse: Parse, field: bytes, limit: int) -> None:
    parse(field * limit)
    with pytest.raises(wire.WireError) as error:
        parse(field * (limit + 1))
    assert error.value.verdict is Verdict.OVERSIZED


def test_ten_thousand_objects(parse: Parse) -> None:
    with pytest.raises(wire.WireError) as error:
        parse(frame(*[FULL] * 10_000))
    assert error.value.verdict is Verdict.OVERSIZED


def test_any_buffer_is_read() -> None:
    payload = frame(FULL)
    for buffer in (bytearray(payload), memoryview(payload), np.frombuffer(payload, dtype=np.uint8)):
        assert len(wire.parse_rsu_frame(buffer).rows) == 1
    with pytest.raises(TypeError):
        wire.parse_rsu_frame("text")
    with pytest.raises(BufferError):
        wire.parse_rsu_frame(memoryview(payload)[::2])


def test_reader_refuses_a_table_it_cannot_read_by() -> None:
    with pytest.raises(ValueError, match="table"):
        FrameReader(DETECTION_TABLE[:, :3].copy(), ValueError, ValueError)
    wide = DETECTION_TABLE.copy()
    wide[Detection.SPEED_MPS, 1] = 2**21
    with pytest.raises(ValueError, match="column 2"):
        FrameReader(wide, ValueError, ValueError)


def test_sample_carries_the_frame(parse: Parse) -> None:
    parsed = parse(frame(FULL, station_id="rsu", intersection_id="x", sequence=7))
    sample = wire.rsu_frame(parsed, measured_ns=5, received_ns=9)
    assert (sample.station, sample.intersection, sample.sequence, sample.measured_ns, sample.received_ns) == ("rsu", "x", 7, 5, 9)
    assert sample.rows is parsed.rows
