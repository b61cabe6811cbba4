# DetectedObject: as encoders usually write it, and in any form that the wire allows. Included by `_wire.pyx`.

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
    for column in range(SCALED_COLUMNS):
        if scales[column].lowest <= raw[column] <= scales[column].highest:
            row[column] = raw[column] * scales[column].factor
        elif raw[column] == scales[column].unavailable and column >= 2:
            row[column] = NAN
        else:
            return LEFT_OUT
    row[LOCAL_ID_COLUMN] = local_id
    return KEPT


cdef Taken read_any_object(const uint8_t* p, const uint8_t* stop, const Scale* scales, double* row) noexcept nogil:
    """An object in any form that the wire allows: any order, repeated and unknown fields; the last value of a field counts."""
    cdef uint32_t tag, value, field, identity = 0
    cdef int64_t[SCALED_COLUMNS] raw
    cdef int column
    raw[0] = raw[1] = 0
    for column in range(2, SCALED_COLUMNS):
        raw[column] = scales[column].unavailable
    row[CLASS_COLUMN] = 0
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
            row[CLASS_COLUMN] = value if value <= LAST_CLASS else 0
        else:
            raw[field - FIRST_SCALED_FIELD] = zigzag(value) if tag == OBJECT_ACCELERATION or tag == OBJECT_YAW_RATE else value
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


cdef inline const uint8_t* take_field(const uint8_t* p, uint32_t tag, bint signed, const Scale* scale,
                                      double* cell, bint* usual) noexcept nogil:
    """A field of at most three bytes where it is next, NaN where it is not; moves at most four bytes, reads four.

    One comparison tells tag and length: the tag byte, then a continuation bit per byte of the value.
    Headings are as often of two bytes as of three, which no branch predictor guesses, so they take both without a branch.
    """
    cdef uint32_t word = fixed32(p), value, more
    if tag == OBJECT_HEADING and likely(word & 0x80FF == tag | 0x8000):
        more = word >> 23 & 1
        value = (word >> 8 & 0x7F) | (word >> 9 & 0x3F80) | (word >> 10 & 0x3FC000 & (0 - more))
        p += 3 + more
    elif likely(word & 0x8080FF == tag | 0x8000):
        value = (word >> 8 & 0x7F) | (word >> 9 & 0x3F80)
        p += 3
    elif likely(word & 0x80FF == tag):
        value = word >> 8 & 0x7F
        p += 2
    elif word & 0xFF != tag:
        cell[0] = NAN
        return p
    else:
        value = (word >> 8 & 0x7F) | (word >> 9 & 0x3F80) | (word >> 10 & 0x3FC000)
        p += 4
    if signed:
        value = (value >> 1) ^ (0 - (value & 1))
    if likely(value - <uint32_t>scale.lowest <= scale.span):
        cell[0] = <int32_t>value * scale.factor
    else:
        cell[0] = NAN
        usual[0] = usual[0] and <int32_t>value == scale.unavailable
    return p


cdef Taken read_usual_object(const uint8_t* p, const uint8_t* stop, const Scale* scales, double* row) noexcept nogil:
    """An object as encoders write it: fields in order, each once, all in range. Where it is not so UNUSUAL, and nothing is lost.

    Reads inside the USUAL_SPAN bytes from `p`, whatever the object's length: local id, class and eleven fields of at most four
    bytes, two of five.
    """
    cdef bint usual = True
    cdef uint32_t value
    cdef int64_t latitude, longitude
    row[LOCAL_ID_COLUMN] = 0
    row[CLASS_COLUMN] = 0
    if p[0] == OBJECT_ID:
        p = take_varint(p + 1, &value)
        usual = value <= LAST_LOCAL_ID
        row[LOCAL_ID_COLUMN] = value
    if p[0] == OBJECT_CLASS:
        usual = usual and p[1] <= LAST_CLASS
        row[CLASS_COLUMN] = p[1]
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
    p = take_field(p, OBJECT_HEADING, False, &scales[3], &row[3], &usual)
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


cdef Py_ssize_t read_objects(const uint8_t* stop, const Header* header, const Scale* scales, double* rows) noexcept nogil:
    """Rows kept, or -1 where an object is malformed."""
    cdef const uint8_t* p = header.first_object
    cdef Py_ssize_t kept = 0, length = 0
    cdef Taken taken
    for _ in range(header.objects):
        if likely(stop - p > USUAL_SPAN and p[0] == OBJECT and p[1] < 0x80):
            length = p[1]
            p += 2
        else:
            p = next_message(p, stop, OBJECT, &length)
        if p == NULL or stop - p < length:
            return -1
        taken = UNUSUAL
        if stop - p > USUAL_SPAN:
            taken = read_usual_object(p, p + length, scales, &rows[kept * COLUMNS])
        if taken == UNUSUAL:
            taken = read_any_object(p, p + length, scales, &rows[kept * COLUMNS])
        if taken == MALFORMED:
            return -1
        kept += taken
        p += length
    return kept
