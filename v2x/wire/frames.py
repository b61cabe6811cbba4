"""Roadside frames: raw bytes through the kernel into arrays, and from there into the sample.

Rule: one bad object costs itself, a bad frame costs itself, and both are counted by the caller.
"""

from positioning.samples import RsuFrame, Verdict
from v2x._wire import FrameReader, MalformedError, OversizedError, ParsedFrame
from v2x.errors import WireError
from v2x.wire.scales import DETECTION_TABLE

MAX_OBJECTS = 512  # more road users than a crossing holds
MAX_BYTES = 64 * 1024

_read = FrameReader(DETECTION_TABLE).read


def parse_rsu_frame(payload: bytes, max_objects: int = MAX_OBJECTS, max_bytes: int = MAX_BYTES) -> ParsedFrame:
    """The frame in `payload`, `left_out` counting objects that are OUT_OF_RANGE; raises WireError MALFORMED or OVERSIZED."""
    try:
        return _read(payload, max_objects, max_bytes)
    except MalformedError as error:
        raise WireError(Verdict.MALFORMED, str(error)) from error
    except OversizedError as error:
        raise WireError(Verdict.OVERSIZED, str(error)) from error


def rsu_frame(parsed: ParsedFrame, measured_ns: int, received_ns: int) -> RsuFrame:
    """The sample, once the caller has brought its stamp onto our clock."""
    return RsuFrame(
        parsed.station,
        parsed.intersection,
        parsed.sequence,
        measured_ns,
        received_ns,
        parsed.local_ids,
        parsed.classes,
        parsed.rows,
    )
