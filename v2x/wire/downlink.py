"""Decisions as a connected vehicle gets them: `VehicleDownlink`, positions geodetic again."""

import math
from typing import cast

from intersections.buses.decisions import ActDone, AnswerRefused, ArrivalBoard, BusReport, OrderNews, OrderSent
from intersections.decisions import (
    CorrectedPositions,
    Decision,
    LampCommand,
    Party,
    PriorityAnswer,
    SensorFault,
    SignalEvent,
    SignalReport,
    SpeedAdvices,
    TrackReport,
    Warning,
    WarningKind,
    WarningState,
)
from intersections.signals.spat import SpatMessage
from positioning.frames import LocalFrame
from positioning.measurements import Kind
from v2x.v1 import common_pb2, signal_pb2, vehicle_pb2
from v2x.wire import scales
from v2x.wire.scales import code
from v2x.wire.signal_control import advice_downlink, priority_downlink, spat_downlink

MAX_UINT32 = 2**32 - 1
WARNING_KINDS = {
    WarningKind.ICW: vehicle_pb2.WARNING_KIND_ICW,
    WarningKind.FCW: vehicle_pb2.WARNING_KIND_FCW,
    WarningKind.VRUCW: vehicle_pb2.WARNING_KIND_VRUCW,
}
WARNING_STATES = {
    WarningState.RAISED: vehicle_pb2.WARNING_STATE_RAISED,
    WarningState.UPDATED: vehicle_pb2.WARNING_STATE_UPDATED,
    WarningState.CLEARED: vehicle_pb2.WARNING_STATE_CLEARED,
}
SOURCES = tuple((1 << kind, cast("vehicle_pb2.PositionSource", int(kind))) for kind in Kind)  # numbered alike


def vehicle_downlink(decision: Decision, frame: LocalFrame, vehicle: str) -> vehicle_pb2.VehicleDownlink | None:
    """What `vehicle` (its temporary id) is told of a decision; None where it is told nothing. `frame` is the intersection's."""
    match decision:
        case Warning():
            return _warning(decision, frame, vehicle)
        case SignalReport():
            return _signal(decision)
        case CorrectedPositions():
            return _corrected_position(decision, frame, vehicle)
        case SpatMessage():
            return spat_downlink(decision)
        case SpeedAdvices():
            return next((advice_downlink(decision, band) for band in decision.bands if band.vehicle == vehicle), None)
        case PriorityAnswer():
            return priority_downlink(decision) if decision.vehicle == vehicle else None
        case TrackReport() | SensorFault() | LampCommand() | SignalEvent():  # for those who look after the road, its sensors and lamps
            return None
        case OrderSent() | OrderNews() | AnswerRefused() | ActDone() | BusReport() | ArrivalBoard():  # by MQTT
            return None


def _warning(warning: Warning, frame: LocalFrame, vehicle: str) -> vehicle_pb2.VehicleDownlink | None:
    other = _other_party(warning, vehicle)
    if other is None:
        return None
    message = vehicle_pb2.Warning(
        id=warning.id,
        kind=WARNING_KINDS[warning.kind],
        state=WARNING_STATES[warning.state],
        created_unix_ns=warning.created_ns,
        valid_until_unix_ns=warning.valid_until_ns,
        severity=warning.severity,
        place=_position(frame, warning.east_m, warning.north_m),
        time_to_conflict_ms=_milliseconds(warning.time_to_conflict_s),
        other_class=cast("common_pb2.ObjectClass", int(other.object_class)),
        other_position=_position(frame, other.east_m, other.north_m),
    )
    return vehicle_pb2.VehicleDownlink(warning=message)


def _signal(report: SignalReport) -> vehicle_pb2.VehicleDownlink:
    message = signal_pb2.SignalState(intersection_id=report.intersection, sequence=report.cause.sequence)
    message.measured.unix_ns = report.time_ns
    for group, state in report.groups:
        message.groups.add(group_id=group, state=cast("signal_pb2.PhaseState", state))
    return vehicle_pb2.VehicleDownlink(signal=message)


def _corrected_position(report: CorrectedPositions, frame: LocalFrame, vehicle: str) -> vehicle_pb2.VehicleDownlink | None:
    if vehicle not in report.vehicles:
        return None
    row = report.vehicles.index(vehicle)
    east_m, north_m, speed_mps, heading_rad = report.motion[row].tolist()
    sources = int(report.sources[row])
    message = vehicle_pb2.CorrectedPosition(
        time_unix_ns=report.time_ns,
        position=_position(frame, east_m, north_m),
        speed=code(scales.SPEED, abs(speed_mps)),
        heading=_heading(heading_rad),
        accuracy_cm=code(scales.POSITION_ACCURACY, float(report.sigma_m[row])),
        protection_level_cm=code(scales.PROTECTION_LEVEL, float(report.level_m[row])),
        alert=bool(report.alert[row]),
        sources=[source for bit, source in SOURCES if sources & bit],
    )
    return vehicle_pb2.VehicleDownlink(position=message)


def _other_party(warning: Warning, vehicle: str) -> Party | None:
    """None where `vehicle` is no party; '' is nobody's name."""
    first, second = warning.parties
    if not vehicle:
        return None
    if vehicle == first.vehicle:
        return second
    return first if vehicle == second.vehicle else None


def _position(frame: LocalFrame, east_m: float, north_m: float) -> common_pb2.Position:
    latitude_rad, longitude_rad = frame.geodetic_from_enu(east_m, north_m)
    return common_pb2.Position(
        latitude_e7=code(scales.LATITUDE, float(latitude_rad[0])), longitude_e7=code(scales.LONGITUDE, float(longitude_rad[0]))
    )


def _heading(heading_rad: float) -> int:
    """359.995° is nearer to north than to 359.9875°."""
    if math.isnan(heading_rad):
        return scales.HEADING.unavailable
    return round(heading_rad / scales.HEADING.factor) % (scales.HEADING.highest + 1)


def _milliseconds(seconds: float) -> int:
    """0 where a cleared conflict has no time left to tell."""
    return min(max(round(seconds * 1000), 0), MAX_UINT32) if math.isfinite(seconds) else 0
