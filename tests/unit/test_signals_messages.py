"""What signal control says, as everybody gets it: MQTT by its schemas, vehicles and controllers by gRPC."""

import json

import pytest

from intersections.decisions import LampCommand, PriorityAnswer, SignalEvent, SpeedAdvices, SpeedBand
from intersections.samples import PhaseState
from intersections.signals.control import UNBOUNDED_NS, GuardMode
from intersections.signals.priority import RequestStatus
from intersections.signals.spat import MovementEvent, SpatMessage, SpatStatus, TimeChange
from positioning.samples import Verdict
from tests.decided import BRAUNSCHWEIG, NOW_NS, SECOND_NS, validator
from v2x.errors import WireError
from v2x.messages import PRIVATE, MessageEncoder
from v2x.v1 import signal_pb2, vehicle_pb2
from v2x.wire import vehicle_downlink
from v2x.wire.priority import preempts, priority_sample
from v2x.wire.signal_control import signal_command

GREEN, RED = PhaseState.PROTECTED_MOVEMENT_ALLOWED, PhaseState.STOP_AND_REMAIN
FULL = TimeChange(
    min_end_ns=NOW_NS + 5 * SECOND_NS,
    max_end_ns=NOW_NS + 15 * SECOND_NS,
    likely_ns=NOW_NS + 9 * SECOND_NS,
    likely_from_ns=NOW_NS + 8 * SECOND_NS,
    likely_until_ns=NOW_NS + 11 * SECOND_NS,
    confidence=0.937,
    next_ns=NOW_NS + 60 * SECOND_NS,
)
OPEN_ENDED = TimeChange(min_end_ns=NOW_NS + SECOND_NS, max_end_ns=UNBOUNDED_NS)
ENCODER = MessageEncoder("district", {"ix7": BRAUNSCHWEIG})


def spat(*, void=False):
    events = (
        MovementEvent("K1", GREEN, NOW_NS - 4 * SECOND_NS, None if void else FULL),
        MovementEvent("F2", RED, NOW_NS - 7 * SECOND_NS, None if void else OPEN_ENDED),
    )
    mode = GuardMode.FAULT if void else GuardMode.COMMANDED
    return SpatMessage("ix7", 41, NOW_NS, mode, SpatStatus.NONE, void, events)


def priority(status=RequestStatus.GRANTED):
    return PriorityAnswer("ix7", "bus 9", 3, 12, status, "on time", NOW_NS)


@pytest.mark.parametrize("void", [False, True])
def test_spat_is_what_its_schema_allows(void):
    message = ENCODER.encode(spat(void=void))
    body = json.loads(message.payload)
    validator("signal").validate(body)
    assert message.topic == "v2x/v1/district/ix7/signal"
    assert message.delivery.retain
    assert body["promises_void"] is void
    assert ("min_end" in body["groups"][0]) is not void
    assert "max_end" not in body["groups"][1]


def test_spat_times_are_what_was_promised():
    first = json.loads(ENCODER.encode(spat()).payload)["groups"][0]
    assert [first[name][17:23] for name in ("since", "min_end", "likely_from", "likely_end", "likely_until", "max_end", "next_green")] == [
        "36.123",
        "45.123",
        "48.123",
        "49.123",
        "51.123",
        "55.123",
        "40.123",
    ]


@pytest.mark.parametrize("status", RequestStatus)
def test_every_priority_status_is_what_its_schema_allows(status):
    message = ENCODER.encode(priority(status))
    validator("priority").validate(json.loads(message.payload))
    assert message.topic == "v2x/v1/district/ix7/priority/bus%209"
    told = vehicle_downlink(priority(status), BRAUNSCHWEIG, "bus 9").priority
    assert vehicle_pb2.PriorityState.Name(told.state) == f"PRIORITY_STATE_{status.name}"
    assert vehicle_downlink(priority(status), BRAUNSCHWEIG, "another") is None


def test_an_event_of_the_signals_is_what_its_schema_allows():
    event = SignalEvent("ix7-signals-1-0", "ix7", "guard", "FAULT LAMP_MISMATCH", "lamp mismatch at K1", NOW_NS)
    message = ENCODER.encode(event)
    validator("event").validate(json.loads(message.payload))
    assert message.topic == "v2x/v1/district/ix7/event/lamps/guard"


def test_commands_and_advice_are_nobody_elses():
    assert {LampCommand, SpeedAdvices} <= set(PRIVATE)


def test_a_vehicle_gets_spat_in_milliseconds_from_the_message():
    told = vehicle_downlink(spat(), BRAUNSCHWEIG, "car").signal
    first, second = told.groups
    assert (told.mode, told.revision, told.promises_void) == (signal_pb2.CONTROL_MODE_COMMANDED, 41, False)
    assert (first.min_end_ms, first.max_end_ms, first.likely_end_ms, first.next_green_ms) == (5000, 15000, 9000, 60000)
    assert (first.likely_from_ms, first.likely_until_ms, first.likely_confidence) == (8000, 11000, 93)
    assert second.min_end_ms == 1000
    assert not any(second.HasField(name) for name in ("max_end_ms", "likely_end_ms", "likely_confidence", "next_green_ms"))


def test_a_vehicle_gets_its_own_advice():
    bands = (SpeedBand("car", "K1", 8.0, 10.0, 9.0, 12.34, 95.07), SpeedBand("other", "K1", 1.0, 2.0, 1.5, 1.0, 30.0))
    advices = SpeedAdvices("ix7", NOW_NS, bands)
    told = vehicle_downlink(advices, BRAUNSCHWEIG, "car").advice
    assert (told.speed_min, told.speed_max, told.speed_advised) == (400, 500, 450)
    assert (told.arrive_ms, told.distance_dm, told.group_id, told.text) == (12340, 951, "K1", "32 km/h")
    assert vehicle_downlink(advices, BRAUNSCHWEIG, "third") is None


@pytest.mark.parametrize("mode", GuardMode)
def test_a_command_names_its_mode_and_every_lamp(mode):
    told = signal_command(LampCommand("ix7", 7, NOW_NS, NOW_NS + SECOND_NS // 2, mode, (("K1", GREEN), ("F2", RED))))
    assert signal_pb2.ControlMode.Name(told.mode) == f"CONTROL_MODE_{mode.name}"
    assert [(group.group_id, group.state) for group in told.groups] == [("K1", int(GREEN)), ("F2", int(RED))]
    assert (told.sequence, told.issued_unix_ns, told.valid_until_unix_ns) == (7, NOW_NS, NOW_NS + SECOND_NS // 2)


def request(**changed):
    fields = {
        "temporary_id": "bus",
        "request_id": 3,
        "sequence": 5,
        "type": vehicle_pb2.PRIORITY_REQUEST_TYPE_REQUEST,
        "role": vehicle_pb2.PRIORITY_ROLE_TRANSIT,
        "ingress_lane": "south.in",
        "egress_lane": "north.out",
        "arrival_ms": 9000,
    }
    return vehicle_pb2.PriorityRequest(**(fields | changed))


def test_a_request_in_si_units_with_what_is_unknown_at_its_usual_value():
    plain = priority_sample(request(), "ix7", NOW_NS)
    assert (plain.role, plain.kind, plain.arrival_ns) == (16, 1, NOW_NS + 9 * SECOND_NS)
    assert (plain.persons, plain.lateness_s, plain.headway_ratio) == (1.0, 0.0, 1.0)
    told = priority_sample(request(persons=40, lateness_s=-30, headway_percent=150), "ix7", NOW_NS)
    assert (told.persons, told.lateness_s, told.headway_ratio) == (40.0, -30.0, 1.5)


@pytest.mark.parametrize(
    "changed",
    [
        {"role": 0},
        {"role": 99},
        {"type": 0},
        {"request_id": 256},
        {"sequence": 128},
        {"arrival_ms": 600_001},
        {"importance": 15},
        {"persons": 201},
        {"lateness_s": 3601},
        {"headway_percent": 1001},
        {"ingress_lane": ""},
        {"egress_lane": "x" * 65},
        {"temporary_id": "a b"},
    ],
)
def test_a_request_out_of_range_is_refused(changed):
    with pytest.raises(WireError) as refusal:
        priority_sample(request(**changed), "ix7", NOW_NS)
    assert refusal.value.verdict is Verdict.OUT_OF_RANGE


@pytest.mark.parametrize("role", [role for role in vehicle_pb2.PriorityRole.values() if role])
def test_only_emergency_roles_preempt(role):
    name = vehicle_pb2.PriorityRole.Name(role)
    assert preempts(request(role=role)) is ("TRANSIT" not in name and "TRANSPORT" not in name)
