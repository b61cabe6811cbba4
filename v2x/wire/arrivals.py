"""Any logged arrival, made again from its bytes: live and replay read them by the same code.

Rule: what was taken live is taken in replay, so the limits of the live stations do not apply again.
"""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from intersections.samples import Sample
from positioning.samples import Verdict
from v2x.arrivals import Arrival, ArrivalKind
from v2x.bus_positions import bus_positions
from v2x.commands import command_sample
from v2x.errors import WireError
from v2x.v1.dispatch_pb2 import DispatchAct
from v2x.v1.signal_pb2 import SignalState
from v2x.v1.vehicle_pb2 import PriorityRequest, RangeMeasurements, VehicleSample
from v2x.wire.dispatch import dispatch_act
from v2x.wire.frames import parse_rsu_frame, rsu_frame
from v2x.wire.priority import priority_sample
from v2x.wire.signals import signal_sample
from v2x.wire.vehicles import motion_sample, range_sample

M = TypeVar("M", bound=Message)


def arrival(kind: ArrivalKind, source: str, intersection: str, measured_ns: int, received_ns: int, payload: bytes) -> Arrival:
    """The arrival whose log fields these are; raises WireError where the payload is not of its kind."""
    sample: Sample
    match kind:
        case ArrivalKind.RSU_FRAME:
            parsed = parse_rsu_frame(payload, max_objects=len(payload), max_bytes=len(payload))
            sample = rsu_frame(parsed, measured_ns, received_ns)
        case ArrivalKind.VEHICLE_SAMPLE:
            sample = motion_sample(decode(VehicleSample, payload), intersection, measured_ns, received_ns)
        case ArrivalKind.RANGES:
            sample = range_sample(decode(RangeMeasurements, payload), intersection, measured_ns, received_ns)
        case ArrivalKind.SIGNAL_STATE:
            sample = signal_sample(decode(SignalState, payload), measured_ns, received_ns)
        case ArrivalKind.PRIORITY:
            sample = priority_sample(decode(PriorityRequest, payload), intersection, received_ns)
        case ArrivalKind.COMMAND:
            sample = command_sample(payload, received_ns)
        case ArrivalKind.BUS_POSITIONS:
            sample = bus_positions(payload, received_ns)
        case ArrivalKind.DISPATCH:
            sample = dispatch_act(decode(DispatchAct, payload), received_ns)
    return Arrival(kind, source, intersection, measured_ns, received_ns, payload, sample)


def decode(message: type[M], payload: bytes) -> M:
    """By generated code; raises WireError MALFORMED."""
    try:
        return message.FromString(payload)
    except DecodeError as error:
        raise WireError(Verdict.MALFORMED, str(error)) from error
