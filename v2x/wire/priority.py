"""Requests for priority, from generated code to `PrioritySample`."""

import math

from intersections.samples import PrioritySample
from intersections.signals.priority import PREEMPTING, RequestKind, Role
from positioning.samples import Verdict
from v2x.errors import WireError
from v2x.v1.vehicle_pb2 import PriorityRequest
from v2x.wire import scales
from v2x.wire.scales import si
from v2x.wire.vehicles import check_identifier

ROLE_OFFSET = 1  # BasicVehicleRole begins at 0, which is unspecified on our wire
MAX_LANE = 64  # characters, as in our maps
USUAL_LATENESS_S, USUAL_HEADWAY, UNKNOWN_PERSONS = 0.0, 1.0, 1.0


def priority_sample(message: PriorityRequest, intersection: str, received_ns: int) -> PrioritySample:
    """The sample at the intersection the vehicle comes to; raises WireError."""
    check_identifier("temporary_id", message.temporary_id)
    role, kind = message.role - ROLE_OFFSET, int(message.type)
    if role not in Role._value2member_map_ or kind not in RequestKind._value2member_map_:
        raise WireError(Verdict.OUT_OF_RANGE, "type and role have to be named")
    if not (1 <= len(message.ingress_lane) <= MAX_LANE and 1 <= len(message.egress_lane) <= MAX_LANE):
        raise WireError(Verdict.OUT_OF_RANGE, f"ingress_lane and egress_lane have to have 1..{MAX_LANE} characters")
    return PrioritySample(
        vehicle=message.temporary_id,
        intersection=intersection,
        received_ns=received_ns,
        request_id=int(si(scales.REQUEST_ID, message.request_id)),
        sequence=int(si(scales.REQUEST_SEQUENCE, message.sequence)),
        kind=kind,
        role=role,
        ingress=message.ingress_lane,
        egress=message.egress_lane,
        arrival_ns=received_ns + round(si(scales.ARRIVAL, message.arrival_ms) * 1e9),
        importance=int(si(scales.IMPORTANCE, message.importance)),
        persons=_or(message, "persons", scales.PERSONS, UNKNOWN_PERSONS),
        lateness_s=_or(message, "lateness_s", scales.LATENESS, USUAL_LATENESS_S),
        headway_ratio=_or(message, "headway_percent", scales.HEADWAY, USUAL_HEADWAY),
    )


def preempts(message: PriorityRequest) -> bool:
    """Whether it asks for more than public transport may."""
    return message.role - ROLE_OFFSET in PREEMPTING


def _or(message: PriorityRequest, field: str, scale: scales.Scale, usual: float) -> float:
    value = si(scale, getattr(message, field)) if message.HasField(field) else math.nan
    return usual if math.isnan(value) else value
