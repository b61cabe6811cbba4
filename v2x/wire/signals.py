"""Lamp states, from generated code to `SignalSample`."""

from intersections.samples import PhaseState, SignalSample
from positioning.samples import Verdict
from v2x.errors import WireError
from v2x.v1.signal_pb2 import SignalState
from v2x.wire.scales import known

MAX_GROUPS = 256  # J2735 SignalGroupID has 8 bits
MAX_GROUP_ID = 64  # characters


def signal_sample(message: SignalState, measured_ns: int, received_ns: int) -> SignalSample:
    """The sample; a state of a newer minor version is UNKNOWN. Raises WireError OVERSIZED, OUT_OF_RANGE."""
    if len(message.groups) > MAX_GROUPS:
        raise WireError(Verdict.OVERSIZED, f"{len(message.groups)} signal groups, at most {MAX_GROUPS} are taken")
    for group in message.groups:
        if not 1 <= len(group.group_id) <= MAX_GROUP_ID:
            raise WireError(Verdict.OUT_OF_RANGE, f"group_id has to have 1..{MAX_GROUP_ID} characters")
    return SignalSample(
        intersection=message.intersection_id,
        sequence=message.sequence,
        measured_ns=measured_ns,
        received_ns=received_ns,
        groups=tuple((group.group_id, known(PhaseState, group.state)) for group in message.groups),
    )
