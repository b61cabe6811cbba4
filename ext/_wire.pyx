# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Reads the protobuf wire form of `v2x.v1.RsuFrame` into arrays, without a Python object per road user.

Rules:
* `p` is the next unread byte and `stop` the first byte that is not ours. A byte is read only after `p != stop` or `stop - p >= n`
  was checked; a reader answers NULL for malformed bytes and otherwise a pointer that is at most `stop`.
* The only exception is `read_usual_object`, which moves at most USUAL_SPAN bytes and is called only where so many are left in the payload.
* What generated code (upb) takes and refuses is taken and refused here too: over-long varints, unknown fields and groups, repeated
  fields, UTF-8.
* No scale stands here: `FrameReader` is given the table of `v2x.wire.scales`.
The readable twin is `v2x.wire.twin`.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport NAN
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import cython
import numpy as np

MAX_OBJECTS = DEFAULT_OBJECTS
MAX_BYTES = DEFAULT_BYTES
MAX_SENSORS = SENSORS

cdef extern from *:
    bint likely(bint) noexcept nogil

cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char* text, Py_ssize_t length, const char* errors)

cdef enum:
    COLUMNS = 15  # of `positioning.samples.Detection`: those with a scale, then two
    SCALED_COLUMNS = 13
    LOCAL_ID_COLUMN = 13
    CLASS_COLUMN = 14
    FIRST_SCALED_FIELD = 3  # DetectedObject's field f is column f - 3
    LAST_FIELD = 15
    LAST_CLASS = 10
    LAST_LOCAL_ID = 65535
    LAST_SENSOR_KIND = 4
    LAST_SENSOR_HEALTH = 3
    MAX_DEPTH = 100  # nested messages and groups, as in upb
    SENSORS = 64  # at most; a mast carries ten
    DEFAULT_OBJECTS = 512  # at most; more road users than a crossing holds
    DEFAULT_BYTES = 64 * 1024  # at most; 512 objects with every field set take 26 KiB
    USUAL_SPAN = 13 * 4 + 2 * 5  # bytes that `read_usual_object` can pass
    USUAL_LIMIT = 1 << 20  # a longer varint gives a greater magnitude there

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
    OBJECT_HEADING = 6 << 3 | 0
    OBJECT_ACCELERATION = 7 << 3 | 0
    OBJECT_YAW_RATE = 8 << 3 | 0

cdef struct Scale:
    int64_t lowest
    int64_t highest
    int64_t unavailable
    uint32_t span  # highest - lowest
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
    const uint8_t* behind_sensors
    Py_ssize_t objects
    const uint8_t* first_object

cdef struct Sensor:
    Text id
    uint32_t kind
    uint32_t health


include "_wire_format.pxi"


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
                header.behind_sensors = p
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


include "_wire_objects.pxi"


# The thin Python side

cdef object _empty = np.empty


cdef str _text(const Text* text):
    return PyUnicode_DecodeUTF8(<const char*>text.start, text.length, NULL) if text.length else ""


cdef tuple _sensors(bytes fields):
    """The sensors in fields that `_check_sensors` has read."""
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(fields)
    cdef const uint8_t* stop = p + PyBytes_GET_SIZE(fields)
    cdef Py_ssize_t length = 0
    cdef Sensor sensor
    found = []
    while p != stop:
        p = next_message(p, stop, SENSOR, &length)
        read_sensor(p, p + length, &sensor)
        found.append((_text(&sensor.id), sensor.kind if sensor.kind <= LAST_SENSOR_KIND else 0,
                      sensor.health if sensor.health <= LAST_SENSOR_HEALTH else 0))
        p += length
    return tuple(found)


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class ParsedFrame:
    """An RsuFrame off the wire; the `.pyi` in the package says what each field is.

    Sensors become objects when somebody asks for them: they seldom change, and most frames are not asked.
    """

    cdef readonly str station
    cdef readonly str intersection
    cdef readonly uint32_t sequence
    cdef readonly int stamp_form
    cdef readonly uint64_t stamp_value
    cdef tuple _sensors
    cdef bytes _sensor_bytes
    cdef readonly object rows
    cdef readonly Py_ssize_t left_out

    def __init__(self, station, intersection, sequence, stamp, sensors, rows, left_out):
        self.station = station
        self.intersection = intersection
        self.sequence = sequence
        self.stamp_form, self.stamp_value = stamp
        self._sensors = sensors
        self.rows = rows
        self.left_out = left_out

    @property
    def stamp(self):
        return self.stamp_form, self.stamp_value

    @property
    def sensors(self):
        if self._sensors is None:
            self._sensors = _sensors(self._sensor_bytes) if self._sensor_bytes is not None else ()
        return self._sensors


@cython.final
cdef class FrameReader:
    """Reads frames by one table of scales: float64 (SCALED_COLUMNS, 4) of lowest, highest, unavailable, factor.

    `malformed` and `oversized` make the exception for a text: what to raise is the caller's to say.
    """

    cdef Scale[SCALED_COLUMNS] scales
    cdef object malformed
    cdef object oversized

    def __init__(self, const double[:, ::1] table, malformed, oversized):
        cdef int column
        cdef Scale* scale
        if table.shape[0] != SCALED_COLUMNS or table.shape[1] != 4:
            raise ValueError(f"a table of ({SCALED_COLUMNS}, 4) is wanted")
        for column in range(SCALED_COLUMNS):
            if column >= 2 and not max(abs(table[column, 0]), abs(table[column, 1]), abs(table[column, 2])) < USUAL_LIMIT:
                raise ValueError(f"codes of column {column} pass three bytes of varint")
            scale = &self.scales[column]
            scale.lowest = <int64_t>table[column, 0]
            scale.highest = <int64_t>table[column, 1]
            scale.unavailable = <int64_t>table[column, 2]
            scale.span = <uint32_t>(scale.highest - scale.lowest)
            scale.factor = table[column, 3]
        self.malformed = malformed
        self.oversized = oversized

    def read(self, payload, Py_ssize_t max_objects=DEFAULT_OBJECTS, Py_ssize_t max_bytes=DEFAULT_BYTES):
        """The frame in `payload`, any contiguous buffer; raises `malformed` or `oversized`."""
        cdef Py_buffer view
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        try:
            if view.len > max_bytes:
                raise self.oversized(f"{view.len} bytes, at most {max_bytes} are taken")
            return self._frame(<const uint8_t*>view.buf, view.len, max_objects)
        finally:
            PyBuffer_Release(&view)

    cdef ParsedFrame _frame(self, const uint8_t* p, Py_ssize_t length, Py_ssize_t max_objects):
        cdef Header header
        cdef ParsedFrame frame
        memset(&header, 0, sizeof(Header))
        if read_header(p, p + length, &header) == NULL:
            raise self.malformed("not the wire form of an RsuFrame")
        if header.objects > max_objects:
            raise self.oversized(f"{header.objects} objects, at most {max_objects} are taken")
        if header.sensors > SENSORS:
            raise self.oversized(f"{header.sensors} sensors, at most {SENSORS} are taken")
        frame = ParsedFrame.__new__(ParsedFrame)
        self._objects(p + length, &header, frame)
        if header.sensors:
            self._check_sensors(&header)
            frame._sensor_bytes = PyBytes_FromStringAndSize(<const char*>header.first_sensor, header.behind_sensors - header.first_sensor)
        frame.station = _text(&header.station)
        frame.intersection = _text(&header.intersection)
        frame.sequence = header.sequence
        frame.stamp_form = header.stamp_form
        frame.stamp_value = header.stamp_value
        return frame

    cdef int _check_sensors(self, const Header* header) except -1:
        cdef const uint8_t* p = header.first_sensor
        cdef Py_ssize_t length = 0
        cdef Sensor sensor
        for _ in range(header.sensors):
            p = next_message(p, header.behind_sensors, SENSOR, &length)
            if p == NULL or read_sensor(p, p + length, &sensor) == NULL:
                raise self.malformed("a sensor status is not its wire form")
            p += length
        return 0

    cdef int _objects(self, const uint8_t* stop, const Header* header, ParsedFrame frame) except -1:
        """The GIL is kept: a frame takes a few microseconds, letting go and asking again would cost as much."""
        cdef Py_buffer rows
        cdef Py_ssize_t kept
        frame.rows = _empty((header.objects, COLUMNS))
        PyObject_GetBuffer(frame.rows, &rows, PyBUF_WRITABLE)
        kept = read_objects(stop, header, self.scales, <double*>rows.buf)
        PyBuffer_Release(&rows)
        if kept < 0:
            raise self.malformed("an object is not its wire form")
        frame.left_out = header.objects - kept
        if kept < header.objects:
            frame.rows = frame.rows[:kept].copy()
        return 0
