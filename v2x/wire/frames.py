"""Roadside frames: raw bytes through the kernel into arrays, and from there into the sample.

Rule: one bad object costs itself, a bad frame costs itself, and both are counted by the caller.
"""

from functools import partial

from positioning.samples import RsuFrame, Verdict
from v2x._wire import MAX_BYTES, MAX_OBJECTS, FrameReader, ParsedFrame
from v2x.errors import WireError
from v2x.wire.scales import DETECTION_TABLE

__all__ = ["MAX_BYTES", "MAX_OBJECTS", "ParsedFrame", "parse_rsu_frame", "rsu_frame"]

# parse_rsu_frame(payload, max_objects=MAX_OBJECTS, max_bytes=MAX_BYTES) -> ParsedFrame, whose `left_out` counts the objects that are
# OUT_OF_RANGE; raises WireError MALFORMED or OVERSIZED. The kernel's own method: a function around it would cost a thirtieth of the decode.
parse_rsu_frame = FrameReader(DETECTION_TABLE, partial(WireError, Verdict.MALFORMED), partial(WireError, Verdict.OVERSIZED)).read


def rsu_frame(parsed: ParsedFrame, measured_ns: int, received_ns: int) -> RsuFrame:
    """The sample, once the caller has brought its stamp onto our clock."""
    return RsuFrame(parsed.station, parsed.intersection, parsed.sequence, measured_ns, received_ns, parsed.rows)
