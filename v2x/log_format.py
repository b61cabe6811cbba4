"""The bytes of the input log: a magic, then records until the file ends.

    record = b"\xa7V2X"  u32 length of body  u32 crc32 of (kind, body)  u8 kind  body       (little-endian)

Rules:
* Every file opens with HEADER and STATE (a GAP may lie between): it can be replayed without the files before it.
* A record that fails its checksum is reported as `Damage` and reading goes on at the next record that is whole;
  a file that ends inside a record was torn by a crash and is reported in the same way.
* Nothing here pickles: states are NumPy arrays of plain types.
"""

import io
import mmap
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import orjson

from v2x.arrivals import Arrival
from v2x.pipeline import RoadState

MAGIC = b"V2XLOG\r\n"  # a text-mode copy breaks it
VERSION = 1
SYNC = b"\xa7V2X"
RECORD_MAX_BYTES = 256 << 20  # a length beyond is damage, not a record

_HEAD = struct.Struct("<4sIIB")
_STEP = struct.Struct("<qI")
_ARRIVAL = struct.Struct("<BqqHHI")
_STATE = struct.Struct("<qQ32s")
_GAP = struct.Struct("<qqQ")
_END = struct.Struct("<qQ32sQQ")


class RecordKind(IntEnum):
    HEADER = 1
    STEP = 2
    STATE = 3
    GAP = 4
    END = 5


class LogError(Exception):
    """A log that cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Header:
    """`maps` are the maps' own JSON documents, so that a log needs nothing beside it."""

    build: str
    started_ns: int
    settings: dict[str, Any]
    maps: dict[str, Any]
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class LoggedArrival:
    """The fields of an `Arrival` from which `v2x.wire.arrival` makes it again."""

    kind: int
    source: str
    intersection: str
    measured_ns: int
    received_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Step:
    now_ns: int
    arrivals: tuple[LoggedArrival, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Steps that took effect and were not logged."""

    from_ns: int
    to_ns: int
    steps: int


@dataclass(frozen=True, slots=True)
class End:
    """A clean end: of the run, or of this file where the next goes on. `steps`, `lost_steps`: of the run so far."""

    time_ns: int
    decisions: int
    digest: bytes
    steps: int
    lost_steps: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record, from `offset` on."""

    offset: int
    length: int
    text: str


Record = Header | Step | RoadState | Gap | End
Item = Record | Damage


def encode_record(record: Record) -> bytes:
    kind, body = _ENCODERS[type(record)](record)
    return _framed(kind, body)


def encode_step(now_ns: int, arrivals: Sequence[Arrival | LoggedArrival]) -> bytes:
    """Straight from the live arrivals: the writer makes no copies of them."""
    return _framed(RecordKind.STEP, _step_body(now_ns, arrivals))


def read_log(content: bytes | mmap.mmap) -> Iterator[Item]:
    """Every record and every damage of one file, in order. Raises LogError where the file is no log of this version."""
    if content[: len(MAGIC)] != MAGIC:
        raise LogError("not a v2x log: it does not begin with the magic bytes")
    offset = len(MAGIC)
    while offset < len(content):
        found = _record_at(content, offset)
        if isinstance(found, str):
            start, offset = offset, _next_record(content, offset + 1)
            text = f"{found}; nothing whole follows" if offset == len(content) else found
            yield Damage(start, offset - start, text)
            continue
        kind, body = found
        yield _DECODERS[kind](body)
        offset += _HEAD.size + len(body)


def _framed(kind: RecordKind, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(bytes((kind,))))
    return _HEAD.pack(SYNC, len(body), checksum, kind) + body


def _record_at(content: bytes | mmap.mmap, offset: int) -> tuple[RecordKind, bytes] | str:
    """The record at `offset`, or why there is none."""
    if offset + _HEAD.size > len(content):
        return "the file ends inside a record's head"
    sync, length, checksum, kind = _HEAD.unpack_from(content, offset)
    if sync != SYNC or length > RECORD_MAX_BYTES:
        return "no record begins here"
    body = content[offset + _HEAD.size : offset + _HEAD.size + length]
    if len(body) < length:
        return "the file ends inside a record"
    if zlib.crc32(body, zlib.crc32(bytes((kind,)))) != checksum:
        return "a record fails its checksum"
    if kind not in _DECODERS:
        return f"a record of unknown kind {kind}"
    return RecordKind(kind), body


def _next_record(content: bytes | mmap.mmap, offset: int) -> int:
    """Where the next whole record begins; the length of the content where there is none."""
    while (offset := content.find(SYNC, offset)) >= 0:
        if not isinstance(_record_at(content, offset), str):
            return offset
        offset += 1
    return len(content)


def _step_body(now_ns: int, arrivals: Sequence[Arrival | LoggedArrival]) -> bytes:
    parts = [_STEP.pack(now_ns, len(arrivals))]
    for arrival in arrivals:
        source, intersection = arrival.source.encode(), arrival.intersection.encode()
        sizes = len(source), len(intersection), len(arrival.payload)
        parts.append(_ARRIVAL.pack(arrival.kind, arrival.measured_ns, arrival.received_ns, *sizes))
        parts += (source, intersection, arrival.payload)
    return b"".join(parts)


def _decode_step(body: bytes) -> Step:
    now_ns, count = _STEP.unpack_from(body)
    offset, arrivals = _STEP.size, []
    for _ in range(count):
        kind, measured_ns, received_ns, *sizes = _ARRIVAL.unpack_from(body, offset)
        offset += _ARRIVAL.size
        texts = []
        for size in sizes:
            texts.append(body[offset : offset + size])
            offset += size
        source, intersection, payload = texts
        arrivals.append(LoggedArrival(kind, source.decode(), intersection.decode(), measured_ns, received_ns, payload))
    return Step(now_ns, tuple(arrivals))


def _state_body(state: RoadState) -> bytes:
    arrays: dict[str, Any] = {f"state/{name}/{key}": array for name, held in state.intersections.items() for key, array in held.items()}
    arrays |= {f"deadline/{name}": np.int64(deadline_ns) for name, deadline_ns in state.deadlines_ns.items()}
    assert not any(array.dtype.hasobject for array in arrays.values()), "a state holds plain arrays only"
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return _STATE.pack(state.time_ns, state.decisions, state.digest) + packed.getvalue()


def _decode_state(body: bytes) -> RoadState:
    time_ns, decisions, digest = _STATE.unpack_from(body)
    deadlines_ns: dict[str, int] = {}
    states: dict[str, dict[str, Any]] = {}
    with np.load(io.BytesIO(body[_STATE.size :]), allow_pickle=False) as arrays:
        for path in arrays.files:
            what, name, *key = path.split("/", 2)
            if what == "deadline":
                deadlines_ns[name] = int(arrays[path])
                states.setdefault(name, {})
            else:
                states.setdefault(name, {})[key[0]] = arrays[path]
    return RoadState(time_ns, decisions, digest, deadlines_ns, states)


def _header_body(header: Header) -> bytes:
    return orjson.dumps(header, option=orjson.OPT_SORT_KEYS)


def _decode_header(body: bytes) -> Header:
    fields = orjson.loads(body)
    if fields.get("version") != VERSION:
        raise LogError(f"a log of format version {fields.get('version')}; this build reads version {VERSION}")
    return Header(**fields)


_ENCODERS: dict[type, Any] = {
    Header: lambda record: (RecordKind.HEADER, _header_body(record)),
    Step: lambda record: (RecordKind.STEP, _step_body(record.now_ns, record.arrivals)),
    RoadState: lambda record: (RecordKind.STATE, _state_body(record)),
    Gap: lambda record: (RecordKind.GAP, _GAP.pack(record.from_ns, record.to_ns, record.steps)),
    End: lambda record: (
        RecordKind.END,
        _END.pack(record.time_ns, record.decisions, record.digest, record.steps, record.lost_steps),
    ),
}
_DECODERS: dict[int, Any] = {
    RecordKind.HEADER: _decode_header,
    RecordKind.STEP: _decode_step,
    RecordKind.STATE: _decode_state,
    RecordKind.GAP: lambda body: Gap(*_GAP.unpack(body)),
    RecordKind.END: lambda body: End(*_END.unpack(body)),
}
