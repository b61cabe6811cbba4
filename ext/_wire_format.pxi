# The protobuf wire form itself: varints, tags, lengths, texts, and how to pass over what is not known. Included by `_wire.pyx`.

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
