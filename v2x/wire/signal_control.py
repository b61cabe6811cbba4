"""What an intersection's signal control says: commands to whoever drives the lamps; SPaT, advice and priority answers to vehicles."""

import math
from typing import cast

from intersections.decisions import LampCommand, PriorityAnswer, SpeedAdvices, SpeedBand
from intersections.signals.control import UNBOUNDED_NS
from intersections.signals.spat import MovementEvent, SpatMessage
from v2x.v1 import signal_pb2, vehicle_pb2
from v2x.wire import scales
from v2x.wire.scales import code

MAX_UINT32 = 2**32 - 1
ADVICE_VALIDITY_NS = 2_000_000_000  # two periods


def signal_command(command: LampCommand) -> signal_pb2.SignalCommand:
    message = signal_pb2.SignalCommand(
        id=f"{command.intersection}-{command.sequence}",
        intersection_id=command.intersection,
        valid_until_unix_ns=command.valid_until_ns,
        issued_unix_ns=command.issued_ns,
        sequence=command.sequence,
        mode=cast("signal_pb2.ControlMode", command.mode + 1),
    )
    for group, state in command.groups:
        message.groups.add(group_id=group, state=cast("signal_pb2.PhaseState", state))
    return message


def spat_downlink(spat: SpatMessage) -> vehicle_pb2.VehicleDownlink:
    message = signal_pb2.SignalState(
        intersection_id=spat.intersection,
        sequence=spat.revision,
        mode=cast("signal_pb2.ControlMode", spat.mode + 1),
        promises_void=spat.void,
        revision=spat.revision,
    )
    message.measured.unix_ns = spat.now_ns
    for event in spat.events:
        _add_event(message, event, spat.now_ns)
    return vehicle_pb2.VehicleDownlink(signal=message)


def advice_downlink(advices: SpeedAdvices, band: SpeedBand) -> vehicle_pb2.VehicleDownlink:
    message = vehicle_pb2.Advice(
        id=f"{advices.intersection}-{advices.time_ns // 1_000_000}",
        valid_until_unix_ns=advices.time_ns + ADVICE_VALIDITY_NS,
        speed_min=code(scales.SPEED, band.low_mps),
        speed_max=code(scales.SPEED, band.high_mps),
        speed_advised=code(scales.SPEED, band.advised_mps),
        arrive_ms=_milliseconds(round(band.arrive_s * 1e9)),
        distance_dm=round(band.distance_m * 10),
        intersection_id=advices.intersection,
        group_id=band.group,
        text=f"{round(band.advised_mps * 3.6)} km/h",
    )
    return vehicle_pb2.VehicleDownlink(advice=message)


def priority_downlink(answer: PriorityAnswer) -> vehicle_pb2.VehicleDownlink:
    message = vehicle_pb2.PriorityStatus(
        intersection_id=answer.intersection,
        request_id=answer.request_id,
        sequence=answer.sequence,
        state=cast("vehicle_pb2.PriorityState", answer.status + 1),
        reason=answer.reason,
    )
    return vehicle_pb2.VehicleDownlink(priority=message)


def _add_event(message: signal_pb2.SignalState, event: MovementEvent, now_ns: int) -> None:
    group = message.groups.add(group_id=event.group, state=cast("signal_pb2.PhaseState", int(event.state)))
    timing = event.timing
    if timing is None:
        return
    group.min_end_ms = _milliseconds(timing.min_end_ns - now_ns)
    if timing.max_end_ns < UNBOUNDED_NS:
        group.max_end_ms = _milliseconds(timing.max_end_ns - now_ns)
    if timing.likely_ns is not None:
        group.likely_end_ms = _milliseconds(timing.likely_ns - now_ns)
        group.likely_from_ms = _milliseconds(timing.likely_from_ns - now_ns)
        group.likely_until_ms = _milliseconds(timing.likely_until_ns - now_ns)
        group.likely_confidence = math.floor(100 * timing.confidence)
    if timing.next_ns is not None:
        group.next_green_ms = _milliseconds(timing.next_ns - now_ns)


def _milliseconds(time_ns: int) -> int:
    """To the nearest; the guard's times are whole ticks."""
    return min(max(round(time_ns / 1_000_000), 0), MAX_UINT32)
