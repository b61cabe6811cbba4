# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Reads the protobuf wire form of `v2x.v1.RsuFrame` into arrays, without a Python object per road user.

Rules:
* `p` is the next unread byte and `stop` the first byte that is not ours. A byte is read only after `p != stop` or `stop - p >= n` was checked;
  a reader answers NULL for malformed bytes and otherwise a pointer that is at most `stop`.
* The only exception is `read_usual_object`, which moves at most USUAL_SPAN bytes and is called only where so many are left in the payload.
* What generated code (upb) takes and refuses is taken and refused here too: over-long varints, unknown fields and groups, repeated fields, UTF-8.
* No scale stands here: `FrameReader` is given the table of `v2x.wire.scales`.
The readable twin is `v2x.wire.twin`.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport NAN
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char* text, Py_ssize_t length, const char* errors)

cdef enum:
    COLUMNS = 13  # of `positioning.samples.Detection`
    FIRST_SCALED_FIELD = 3  # DetectedObject's field f is column f - 3
    LAST_FIELD = 15
    LAST_CLASS = 10
    LAST_LOCAL_ID = 65535
    LAST_SENSOR_KIND = 4
    LAST_SENSOR_HEALTH = 3
    MAX_DEPTH = 100  # nested messages and groups, as in upb
    MAX_SENSORS = 64
    USUAL_SPAN = 13 * 4 + 2 * 5  # bytes that `read_usual_object` can pass

cdef enum WireType:
    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    START_GROUP = 3
    END_GROUP = 4
    FIXED32 = 5

cdef enum Tag:  # field number << 3 | wire type
    STATION = 1 << 3 | 2
    INTERSECTION = 2 << 3 | 2
    SEQUENCE = 3 << 3 | 0
    MEASURED = 4 << 3 | 2
    SENSOR = 5 << 3 | 2
    OBJECT = 6 << 3 | 2
    STAMP_UNIX = 1 << 3 | 1
    STAMP_SECOND_MARK = 2 << 3 | 0
    STAMP_TIME_OF_WEEK = 3 << 3 | 0
    SENSOR_ID = 1 << 3 | 2
    SENSOR_KIND = 2 << 3 | 0
    SENSOR_HEALTH = 3 << 3 | 0
    OBJECT_ID = 1 << 3 | 0
    OBJECT_CLASS = 2 << 3 | 0
    OBJECT_LATITUDE = 3 << 3 | 5
    OBJECT_LONGITUDE = 4 << 3 | 5
    OBJECT_ACCELERATION = 7 << 3 | 0
    OBJECT_YAW_RATE = 8 << 3 | 0

cdef struct Scale:
    int64_t lowest
    int64_t highest
    int64_t unavailable
    double factor

cdef struct Text:
    const uint8_t* start
    Py_ssize_t length

cdef struct Header:
    Text station
    Text intersection
    uint32_t sequence
    int stamp_form  # field number in Timestamp, 0 = none
    uint64_t stamp_value
    Py_ssize_t sensors
    const uint8_t* first_sensor
    Py_ssize_t objects
    const uint8_t* first_object

cdef struct Sensor:
    Text id
    uint32_t kind
    uint32_t health


class MalformedError(ValueError):
    """Not the wire form of an RsuFrame."""


class OversizedError(ValueError):
    """More bytes, sensors or objects than allowed."""


# Wire primitives

cdef inline const uint8_t* read_varint(const uint8_t* p, const uint8_t* stop, uint64_t* value) noexcept nogil:
    """At most ten bytes; bits above the 64th are lost."""
    cdef int shift = 0
    cdef uint8_t byte
    value[0] = 0
    while p != stop and shift < 70:
        byte = p[0]
        p += 1
        value[0] |= <uint64_t>(byte & 0x7F) << shift
        if byte < 0x80:
            return p
        shift += 7
    return NULL


cdef inline const uint8_t* read_short_varint(const uint8_t* p, const uint8_t* stop, uint64_t highest, uint64_t* value) noexcept nogil:
    """Tags and lengths: at most five bytes."""
    cdef const uint8_t* start = p
    p = read_varint(p, stop, value)
    if p == NULL or p - start > 5 or value[0] > highest:
        return NULL
    return p


cdef inline const uint8_t* read_tag(const uint8_t* p, const uint8_t* stop, uint32_t* tag) noexcept nogil:
    cdef uint64_t value
    if p != stop and p[0] < 0x80:
        tag[0] = p[0]
        return p + 1
    p = read_short_varint(p, stop, <uint64_t>0xFFFFFFFF, &value)
    tag[0] = <uint32_t>value
    return p


cdef inline const uint8_t* read_length(const uint8_t* p, const uint8_t* stop, Py_ssize_t* length) noexcept nogil:
    """The length of what follows; it lies before `stop`."""
    cdef uint64_t value
    if p != stop and p[0] < 0x80:
        length[0] = p[0]
        p += 1
    else:
        p = read_short_varint(p, stop, INT32_MAX, &value)
        length[0] = <Py_ssize_t>value
    if p == NULL or length[0] > stop - p:
        return NULL
    return p


cdef inline const uint8_t* read_uint32(const uint8_t* p, const uint8_t* stop, uint32_t* value) noexcept nogil:
    cdef uint64_t wide
    p = read_varint(p, stop, &wide)
    value[0] = <uint32_t>wide
    return p


cdef inline uint32_t fixed32(const uint8_t* p) noexcept nogil:
    return p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24


cdef inline uint64_t fixed64(const uint8_t* p) noexcept nogil:
    return fixed32(p) | <uint64_t>fixed32(p + 4) << 32


cdef inline int64_t zigzag(uint32_t value) noexcept nogil:
    return <int32_t>((value >> 1) ^ (0 - (value & 1)))


cdef const uint8_t* skip_scalar(const uint8_t* p, const uint8_t* stop, uint32_t wire_type) noexcept nogil:
    cdef uint64_t value
    cdef Py_ssize_t length
    if wire_type == VARINT:
        return read_varint(p, stop, &value)
    if wire_type == LENGTH:
        p = read_length(p, stop, &length)
        if p == NULL:
            return NULL
    elif wire_type == FIXED64:
        length = 8
    elif wire_type == FIXED32:
        length = 4
    else:
        return NULL
    if stop - p < length:
        return NULL
    return p + length


cdef const uint8_t* skip_field(const uint8_t* p, const uint8_t* stop, uint32_t tag, int depth) noexcept nogil:
    """Pass over one field of any kind whose tag was read; `depth` messages and groups may still open."""
    cdef uint32_t[MAX_DEPTH] groups
    cdef int open_groups = 0
    if tag >> 3 == 0 or tag & 7 == END_GROUP:
        return NULL
    while True:
        if tag & 7 == START_GROUP:
            if open_groups == depth:
                return NULL
            groups[open_groups] = tag >> 3
            open_groups += 1
        elif tag & 7 == END_GROUP:
            open_groups -= 1
            if groups[open_groups] != tag >> 3:
                return NULL
        else:
            p = skip_scalar(p, stop, tag & 7)
            if p == NULL:
                return NULL
        if open_groups == 0:
            return p
        p = read_tag(p, stop, &tag)
        if p == NULL:
            return NULL


cdef bint is_utf8(const uint8_t* p, const uint8_t* stop) noexcept nogil:
    """Well-formed byte sequences: Unicode 15, table 3-7."""
    cdef uint8_t lead, low, high
    cdef int more
    while p != stop:
        lead = p[0]
        p += 1
        if lead < 0x80:
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            low = 0xA0 if lead == 0xE0 else 0x80
            high = 0x9F if lead == 0xED else 0xBF
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            low = 0x90 if lead == 0xF0 else 0x80
            high = 0x8F if lead == 0xF4 else 0xBF
        else:
            return False
        if stop - p < more or p[0] < low or p[0] > high:
            return False
        p += 1
        for _ in range(more - 1):
            if p[0] & 0xC0 != 0x80:
                return False
            p += 1
    return True


cdef const uint8_t* read_text(const uint8_t* p, const uint8_t* stop, Text* text) noexcept nogil:
    p = read_length(p, stop, &text.length)
    if p == NULL or not is_utf8(p, p + text.length):
        return NULL
    text.start = p
    return p + text.length


# Frame, first pass: everything but sensors and objects, which are counted

cdef const uint8_t* read_stamp(const uint8_t* p, const uint8_t* stop, Header* header) noexcept nogil:
    cdef uint32_t tag, value
    while p != stop:
        p = read_tag(p, stop, &tag)
        if p == NULL:
            return NULL
        if tag == STAMP_UNIX:
            if stop - p < 8:
                return NULL
            header.stamp_value = fixed64(p)
            p += 8
        elif tag == STAMP_SECOND_MARK or tag == STAMP_TIME_OF_WEEK:
            p = read_uint32(p, stop, &value)
            header.stamp_value = value
        else:
            p = skip_field(p, stop, tag, MAX_DEPTH - 1)
            if p == NULL:
                return NULL
            continue
        if p == NULL:
            return NULL
        header.stamp_form = tag >> 3
    return p


cdef const uint8_t* read_header_field(const uint8_t* p, const uint8_t* stop, uint32_t tag, Header* header) noexcept nogil:
    cdef Py_ssize_t length
    if tag == STATION:
        return read_text(p, stop, &header.station)
    if tag == INTERSECTION:
        return read_text(p, stop, &header.intersection)
    if tag == SEQUENCE:
        return read_uint32(p, stop, &header.sequence)
    if tag != MEASURED:
        return skip_field(p, stop, tag, MAX_DEPTH)
    p = read_length(p, stop, &length)
    if p == NULL:
        return NULL
    return read_stamp(p, p + length, header)


cdef const uint8_t* read_header(const uint8_t* p, const uint8_t* stop, Header* header) noexcept nogil:
    cdef uint32_t tag
    cdef Py_ssize_t length
    cdef const uint8_t* field
    while p != stop:
        field = p
        p = read_tag(p, stop, &tag)
        if p == NULL:
            return NULL
        if tag == OBJECT or tag == SENSOR:
            p = read_length(p, stop, &length)
            if p == NULL:
                return NULL
            p += length
            if tag == OBJECT:
                header.first_object = field if header.objects == 0 else header.first_object
                header.objects += 1
            else:
                header.first_sensor = field if header.sensors == 0 else header.first_sensor
                header.sensors += 1
        else:
            p = read_header_field(p, stop, tag, header)
            if p == NULL:
                return NULL
    return p


# Frame, second pass

cdef const uint8_t* next_message(const uint8_t* p, const uint8_t* stop, uint32_t wanted, Py_ssize_t* length) noexcept nogil:
    """The start of the next sub-message tagged `wanted`, over fields that the first pass has read."""
    cdef uint32_t tag
    while p != stop:
        p = read_tag(p, stop, &tag)
        if p == NULL:
            return NULL
        if tag == wanted:
            return read_length(p, stop, length)
        p = skip_field(p, stop, tag, MAX_DEPTH)
        if p == NULL:
            return NULL
    return NULL


cdef const uint8_t* read_sensor(const uint8_t* p, const uint8_t* stop, Sensor* sensor) noexcept nogil:
    cdef uint32_t tag
    memset(sensor, 0, sizeof(Sensor))
    while p != stop:
        p = read_tag(p, stop, &tag)
        if p == NULL:
            return NULL
        if tag == SENSOR_ID:
            p = read_text(p, stop, &sensor.id)
        elif tag == SENSOR_KIND:
            p = read_uint32(p, stop, &sensor.kind)
        elif tag == SENSOR_HEALTH:
            p = read_uint32(p, stop, &sensor.health)
        else:
            p = skip_field(p, stop, tag, MAX_DEPTH - 1)
        if p == NULL:
            return NULL
    return p


cdef enum Taken:
    MALFORMED = -1
    LEFT_OUT = 0
    KEPT = 1
    UNUSUAL = 2


cdef Taken judge_object(uint32_t local_id, const int64_t* raw, const Scale* scales, double* row) noexcept nogil:
    """Raw field values to SI; an object that has left the ranges of its fields, or has no position, is left out."""
    cdef int column
    if local_id > LAST_LOCAL_ID or (raw[0] == 0 and raw[1] == 0):
        return LEFT_OUT
    for column in range(COLUMNS):
        if scales[column].lowest <= raw[column] <= scales[column].highest:
            row[column] = raw[column] * scales[column].factor
        elif raw[column] == scales[column].unavailable and column >= 2:
            row[column] = NAN
        else:
            return LEFT_OUT
    return KEPT


cdef Taken read_any_object(const uint8_t* p, const uint8_t* stop, const Scale* scales, int64_t* local_id, uint8_t* kind, double* row) noexcept nogil:
    """An object in any form that the wire allows: any order, repeated and unknown fields; the last value of a field counts."""
    cdef uint32_t tag, value, field, identity = 0
    cdef int64_t[COLUMNS] raw
    cdef int column
    raw[0] = raw[1] = 0
    for column in range(2, COLUMNS):
        raw[column] = scales[column].unavailable
    kind[0] = 0
    while p != stop:
        p = read_tag(p, stop, &tag)
        if p == NULL:
            return MALFORMED
        field = tag >> 3
        if tag == OBJECT_LATITUDE or tag == OBJECT_LONGITUDE:
            if stop - p < 4:
                return MALFORMED
            raw[field - FIRST_SCALED_FIELD] = <int32_t>fixed32(p)
            p += 4
            continue
        if tag & 7 != VARINT or field == 0 or field > LAST_FIELD or field == 3 or field == 4:
            p = skip_field(p, stop, tag, MAX_DEPTH - 1)
            if p == NULL:
                return MALFORMED
            continue
        p = read_uint32(p, stop, &value)
        if p == NULL:
            return MALFORMED
        if tag == OBJECT_ID:
            identity = value
        elif tag == OBJECT_CLASS:
            kind[0] = value if value <= LAST_CLASS else 0
        else:
            raw[field - FIRST_SCALED_FIELD] = zigzag(value) if tag == OBJECT_ACCELERATION or tag == OBJECT_YAW_RATE else value
    local_id[0] = identity
    return judge_object(identity, raw, scales, row)


cdef inline const uint8_t* take_varint(const uint8_t* p, uint32_t* value) noexcept nogil:
    """A varint of at most three bytes; the value is 2^21 or more where it goes on."""
    cdef uint8_t byte = p[1]
    value[0] = p[0]
    if value[0] < 0x80:
        return p + 1
    value[0] = (value[0] & 0x7F) | <uint32_t>byte << 7
    if byte < 0x80:
        return p + 2
    value[0] = (value[0] & 0x3FFF) | <uint32_t>p[2] << 14
    return p + 3


cdef inline const uint8_t* take_field(const uint8_t* p, uint8_t tag, bint signed, const Scale* scale, double* cell, bint* usual) noexcept nogil:
    """A field of at most three bytes where it is next, NaN where it is not; moves at most four bytes."""
    cdef uint32_t value
    cdef int64_t raw
    if p[0] != tag:
        cell[0] = NAN
        return p
    p = take_varint(p + 1, &value)
    raw = zigzag(value) if signed else <int64_t>value
    if scale.lowest <= raw <= scale.highest:
        cell[0] = raw * scale.factor
    elif raw == scale.unavailable:
        cell[0] = NAN
    else:
        usual[0] = False
    return p


cdef Taken read_usual_object(const uint8_t* p, const uint8_t* stop, const Scale* scales, int64_t* local_id, uint8_t* kind, double* row) noexcept nogil:
    """An object as encoders write it: fields in order, each once, all in range. UNUSUAL, and nothing is lost, where it is not so.

    Needs USUAL_SPAN + 1 readable bytes from `p`, whatever the object's length: two ids and eleven fields of at most four bytes, two of five.
    """
    cdef bint usual = True
    cdef uint32_t value
    cdef int64_t latitude, longitude
    local_id[0] = 0
    kind[0] = 0
    if p[0] == OBJECT_ID:
        p = take_varint(p + 1, &value)
        usual = value <= LAST_LOCAL_ID
        local_id[0] = value
    if p[0] == OBJECT_CLASS:
        usual = usual and p[1] <= LAST_CLASS
        kind[0] = p[1]
        p += 2
    if p[0] != OBJECT_LATITUDE or p[5] != OBJECT_LONGITUDE:
        return UNUSUAL
    latitude = <int32_t>fixed32(p + 1)
    longitude = <int32_t>fixed32(p + 6)
    p += 10
    if not (scales[0].lowest <= latitude <= scales[0].highest and scales[1].lowest <= longitude <= scales[1].highest):
        return UNUSUAL
    usual = usual and (latitude != 0 or longitude != 0)
    row[0] = latitude * scales[0].factor
    row[1] = longitude * scales[1].factor
    p = take_field(p, 5 << 3, False, &scales[2], &row[2], &usual)
    p = take_field(p, 6 << 3, False, &scales[3], &row[3], &usual)
    p = take_field(p, OBJECT_ACCELERATION, True, &scales[4], &row[4], &usual)
    p = take_field(p, OBJECT_YAW_RATE, True, &scales[5], &row[5], &usual)
    p = take_field(p, 9 << 3, False, &scales[6], &row[6], &usual)
    p = take_field(p, 10 << 3, False, &scales[7], &row[7], &usual)
    p = take_field(p, 11 << 3, False, &scales[8], &row[8], &usual)
    p = take_field(p, 12 << 3, False, &scales[9], &row[9], &usual)
    p = take_field(p, 13 << 3, False, &scales[10], &row[10], &usual)
    p = take_field(p, 14 << 3, False, &scales[11], &row[11], &usual)
    p = take_field(p, 15 << 3, False, &scales[12], &row[12], &usual)
    return KEPT if usual and p == stop else UNUSUAL


cdef Py_ssize_t read_objects(const uint8_t* stop, const Header* header, const Scale* scales,
                             int64_t* local_ids, uint8_t* kinds, double* rows) noexcept nogil:
    """Rows kept, or -1 where an object is malformed."""
    cdef const uint8_t* p = header.first_object
    cdef Py_ssize_t kept = 0, length = 0
    cdef Taken taken
    for _ in range(header.objects):
        p = next_message(p, stop, OBJECT, &length)
        taken = UNUSUAL
        if stop - p > USUAL_SPAN:
            taken = read_usual_object(p, p + length, scales, &local_ids[kept], &kinds[kept], &rows[kept * COLUMNS])
        if taken == UNUSUAL:
            taken = read_any_object(p, p + length, scales, &local_ids[kept], &kinds[kept], &rows[kept * COLUMNS])
        if taken == MALFORMED:
            return -1
        kept += taken
        p += length
    return kept


# The thin Python side

cdef object _empty = np.empty
cdef object _int64 = np.dtype(np.int64)
cdef object _uint8 = np.dtype(np.uint8)


cdef str _text(const Text* text):
    return PyUnicode_DecodeUTF8(<const char*>text.start, text.length, NULL) if text.length else ""


cdef tuple _sensors(const uint8_t* stop, const Header* header):
    cdef const uint8_t* p = header.first_sensor
    cdef Py_ssize_t length = 0
    cdef Sensor sensor
    found = []
    for _ in range(header.sensors):
        p = next_message(p, stop, SENSOR, &length)
        if read_sensor(p, p + length, &sensor) == NULL:
            raise MalformedError("a sensor status is not its wire form")
        found.append((_text(&sensor.id), sensor.kind if sensor.kind <= LAST_SENSOR_KIND else 0,
                      sensor.health if sensor.health <= LAST_SENSOR_HEALTH else 0))
        p += length
    return tuple(found)


cdef class ParsedFrame:
    """An RsuFrame off the wire; `.pyi` beside the package says what each field is."""

    cdef readonly str station
    cdef readonly str intersection
    cdef readonly object sequence
    cdef readonly tuple stamp
    cdef readonly tuple sensors
    cdef readonly object local_ids
    cdef readonly object classes
    cdef readonly object rows
    cdef readonly object left_out

    def __init__(self, station, intersection, sequence, stamp, sensors, local_ids, classes, rows, left_out):
        self.station = station
        self.intersection = intersection
        self.sequence = sequence
        self.stamp = stamp
        self.sensors = sensors
        self.local_ids = local_ids
        self.classes = classes
        self.rows = rows
        self.left_out = left_out


cdef class FrameReader:
    """Reads frames by one table of scales: float64 (COLUMNS, 4) of lowest, highest, unavailable, factor."""

    cdef Scale[COLUMNS] scales

    def __init__(self, const double[:, ::1] table):
        cdef int column
        if table.shape[0] != COLUMNS or table.shape[1] != 4:
            raise ValueError(f"a table of ({COLUMNS}, 4) is wanted")
        for column in range(COLUMNS):
            self.scales[column].lowest = <int64_t>table[column, 0]
            self.scales[column].highest = <int64_t>table[column, 1]
            self.scales[column].unavailable = <int64_t>table[column, 2]
            self.scales[column].factor = table[column, 3]

    def read(self, payload, Py_ssize_t max_objects, Py_ssize_t max_bytes):
        """The frame in `payload` (any contiguous buffer); raises MalformedError or OversizedError."""
        cdef Py_buffer view
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        try:
            if view.len > max_bytes:
                raise OversizedError(f"{view.len} bytes, at most {max_bytes} are taken")
            return self._read(<const uint8_t*>view.buf, view.len, max_objects)
        finally:
            PyBuffer_Release(&view)

    cdef ParsedFrame _read(self, const uint8_t* p, Py_ssize_t length, Py_ssize_t max_objects):
        cdef Header header
        cdef ParsedFrame frame
        memset(&header, 0, sizeof(Header))
        if read_header(p, p + length, &header) == NULL:
            raise MalformedError("not the wire form of an RsuFrame")
        if header.objects > max_objects:
            raise OversizedError(f"{header.objects} objects, at most {max_objects} are taken")
        if header.sensors > MAX_SENSORS:
            raise OversizedError(f"{header.sensors} sensors, at most {MAX_SENSORS} are taken")
        frame = ParsedFrame.__new__(ParsedFrame)
        frame.sensors = _sensors(p + length, &header)
        self._read_objects(p + length, &header, frame)
        frame.station = _text(&header.station)
        frame.intersection = _text(&header.intersection)
        frame.sequence = header.sequence
        frame.stamp = (header.stamp_form, header.stamp_value)
        return frame

    cdef int _read_objects(self, const uint8_t* stop, const Header* header, ParsedFrame frame) except -1:
        """The GIL is kept: a frame takes a few microseconds, letting go and asking again would cost as much."""
        cdef Py_buffer local_ids, classes, rows
        cdef Py_ssize_t kept
        frame.local_ids = _empty(header.objects, _int64)
        frame.classes = _empty(header.objects, _uint8)
        frame.rows = _empty((header.objects, COLUMNS))
        PyObject_GetBuffer(frame.local_ids, &local_ids, PyBUF_WRITABLE)
        PyObject_GetBuffer(frame.classes, &classes, PyBUF_WRITABLE)
        PyObject_GetBuffer(frame.rows, &rows, PyBUF_WRITABLE)
        kept = read_objects(stop, header, self.scales, <int64_t*>local_ids.buf, <uint8_t*>classes.buf, <double*>rows.buf)
        PyBuffer_Release(&local_ids)
        PyBuffer_Release(&classes)
        PyBuffer_Release(&rows)
        if kept < 0:
            raise MalformedError("an object is not its wire form")
        frame.left_out = header.objects - kept
        if kept < header.objects:
            frame.local_ids = frame.local_ids[:kept].copy()
            frame.classes = frame.classes[:kept].copy()
            frame.rows = frame.rows[:kept].copy()
        return 0
