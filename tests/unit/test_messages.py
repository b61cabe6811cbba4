"""Decisions become messages that their schemas allow, with the values a subscriber expects."""

import json
from datetime import datetime

import numpy as np
import pytest

from intersections.decisions import Cause, WarningKind, WarningState
from positioning.frames import LocalFrame
from positioning.samples import ObjectClass, Verdict
from tests.decided import BRAUNSCHWEIG, NOW_NS, SECOND_NS, party, sensor_fault, signal, tracks, validator, warning
from v2x.messages import DELIVERY, MessageEncoder, MessageKind, rfc3339_ms, rfc3339_ns, topic_word


@pytest.fixture
def encoder() -> MessageEncoder:
    return MessageEncoder("district", {"ix7": BRAUNSCHWEIG})


def content(message, schema):
    body = json.loads(message.payload)
    validator(schema).validate(body)
    return body


def test_a_warning_says_everything_in_degrees_and_metres(encoder):
    message = encoder.encode(warning())
    body = content(message, "warning")
    assert message.topic == "v2x/v1/district/ix7/warning/icw/icw-1"
    assert (message.delivery.qos, message.delivery.retain) == (1, False)
    assert message.valid_until_ns == NOW_NS + SECOND_NS
    assert body["created"] == "2026-05-28T20:26:40.123Z"
    assert body["valid_until"] == "2026-05-28T20:26:41.123Z"
    assert body["cause"] == {"station": "rsu-1", "sequence": 1}
    assert (body["kind"], body["state"], body["severity"]) == ("ICW", "RAISED", "DANGER")
    assert body["post_encroachment_s"] is None
    first, second = body["parties"]
    assert (first["track"], first["class"], first["heading_deg"]) == (17, "CAR", 5.73)
    assert "vehicle" not in first
    assert second["vehicle"] == "b-4711"


def test_places_are_where_the_frame_says(encoder):
    # One arc second of latitude is about 31 m; 7 digits of a degree are 1.1 cm.
    body = content(encoder.encode(warning(east_m=55.0, north_m=-40.0)), "warning")
    [[east, north]] = BRAUNSCHWEIG.enu_from_geodetic(np.radians([body["latitude"]]), np.radians([body["longitude"]]))
    assert (east, north) == pytest.approx((55.0, -40.0), abs=0.01)


@pytest.mark.parametrize("state", WarningState)
@pytest.mark.parametrize("kind", WarningKind)
def test_each_kind_and_state_of_warning_is_allowed(encoder, kind, state):
    message = encoder.encode(warning(kind=kind, state=state))
    assert content(message, "warning")["state"] == state.value
    assert f"/warning/{kind.value.lower()}/" in message.topic


def test_what_time_alone_decided_is_caused_by_the_timer(encoder):
    body = content(encoder.encode(warning(state=WarningState.CLEARED, cause=Cause("", 0))), "warning")
    assert body["cause"] == {"station": "timer", "sequence": 0}


def test_a_heading_that_rounds_to_a_full_turn_is_north(encoder):
    body = content(encoder.encode(warning(parties=(party(1, heading_rad=2 * np.pi - 1e-7), party(2)))), "warning")
    assert body["parties"][0]["heading_deg"] == 0.0


def test_tracks_are_one_message_per_intersection(encoder):
    report = tracks(4, vehicles={2: "bus-9"})
    message = encoder.encode(report)
    body = content(message, "track")
    assert message.topic == "v2x/v1/district/ix7/track"
    assert (message.delivery.qos, message.delivery.retain, message.delivery.newest_only) == (0, False, True)
    assert [track["id"] for track in body["tracks"]] == [0, 1, 2, 3]
    assert [track.get("vehicle") for track in body["tracks"]] == [None, None, "bus-9", None]
    latitudes, longitudes = ([track[name] for track in body["tracks"]] for name in ("latitude", "longitude"))
    np.testing.assert_allclose(
        BRAUNSCHWEIG.enu_from_geodetic(np.radians(latitudes), np.radians(longitudes)), report.motion[:, :2], atol=0.01
    )
    np.testing.assert_allclose([track["heading_deg"] for track in body["tracks"]], np.degrees(report.motion[:, 3]), atol=0.0051)
    assert [track["class"] for track in body["tracks"]] == [ObjectClass(number).name for number in report.classes]


def test_a_connected_vehicles_track_says_which_state_it_shows(encoder):
    report = tracks(3, vehicles={1: "bus-9", 2: "car-4"})
    report.levels_m[2] = 1.347
    entries = content(encoder.encode(report), "track")["tracks"]
    assert [(track.get("vehicle"), track.get("source"), track.get("protection_level_m")) for track in entries] == [
        (None, None, None), ("bus-9", "ROADSIDE", None), ("car-4", "FUSION", 1.35),
    ]  # fmt: skip


def test_no_tracks_are_said_too(encoder):
    assert content(encoder.encode(tracks(0)), "track")["tracks"] == []


def test_what_a_track_does_not_know_is_null(encoder):
    report = tracks(1)
    report.motion[0, 3] = np.nan
    report.size_m[0] = np.nan
    [track] = content(encoder.encode(report), "track")["tracks"]
    assert track["heading_deg"] is None
    assert track["length_m"] is None


def test_lamp_states_are_retained(encoder):
    message = encoder.encode(signal())
    body = content(message, "signal")
    assert message.topic == "v2x/v1/district/ix7/signal"
    assert message.delivery.retain
    assert body["groups"] == [{"id": "K1", "state": "PROTECTED_MOVEMENT_ALLOWED"}, {"id": "F2", "state": "STOP_AND_REMAIN"}]


@pytest.mark.parametrize(("cleared", "state"), [(False, "RAISED"), (True, "CLEARED")])
def test_a_sensor_fault_is_an_event_under_its_own_id(encoder, cleared, state):
    message = encoder.encode(sensor_fault(cleared=cleared))
    assert message.topic == "v2x/v1/district/ix7/event/sensor-fault/fault-1"
    assert content(message, "event")["state"] == state


def test_status_is_one_for_all_intersections_of_a_process(encoder):
    online, offline = (encoder.status(NOW_NS, online=online) for online in (True, False))
    assert online.topic == offline.topic == "v2x/v1/district/all/status/ix7"
    assert [content(message, "status")["state"] for message in (online, offline)] == ["ONLINE", "OFFLINE"]
    assert content(online, "status")["intersections"] == ["ix7"]


@pytest.mark.parametrize(("verdict", "kind"), [(Verdict.ACCEPTED, "command-taken"), (Verdict.STALE, "command-refused")])
def test_a_command_is_answered_to_its_author(encoder, verdict, kind):
    message = encoder.command_answer("ix7", "centre 1", "c-1", verdict, "why", NOW_NS)
    body = content(message, "event")
    assert message.topic == f"v2x/v1/district/ix7/event/{kind}/centre%201"
    assert (body["kind"], body["subject"], body["verdict"], body["text"]) == (kind, "c-1", verdict.name, "why")


@pytest.mark.parametrize("text", ["a b", "a/b", "#", "+", "$SYS", "", "a\0b", "höhe", "a" * 64])
def test_no_id_breaks_a_topic(text):
    word = topic_word(text)
    assert word
    assert not set(word) & set(" /#+$\0")
    assert word.isascii()


def test_different_ids_stay_different():
    assert len({topic_word(text) for text in ("a b", "a%20b", "a_b", "a-b", "A-b")}) == 5


def test_only_current_state_is_retained():
    retained = {kind for kind in MessageKind if DELIVERY[kind].retain}
    assert retained == {MessageKind.STATUS, MessageKind.SIGNAL, MessageKind.ETA}


def test_times_are_rfc3339():
    assert rfc3339_ms(1_000_000_000) == "1970-01-01T00:00:01.000Z"
    assert rfc3339_ns(NOW_NS) == "2026-05-28T20:26:40.123456789Z"
    assert datetime.fromisoformat(rfc3339_ms(NOW_NS)).timestamp() == pytest.approx(NOW_NS / 1e9, abs=0.001)


def test_intersections_keep_their_own_frames():
    south = LocalFrame(np.radians(-33.0), np.radians(151.0))
    encoder = MessageEncoder("r", {"ix7": BRAUNSCHWEIG, "south": south})
    body = content(encoder.encode(warning(intersection="south", east_m=0.0, north_m=0.0)), "warning")
    assert (body["latitude"], body["longitude"]) == (-33.0, 151.0)


def test_a_process_may_have_a_name_of_its_own():
    encoder = MessageEncoder("old town", {"ix7": BRAUNSCHWEIG, "ix2": BRAUNSCHWEIG}, "node 1")
    assert encoder.status(NOW_NS, online=True).topic == "v2x/v1/old%20town/all/status/node%201"
    assert MessageEncoder("r", {"ix7": BRAUNSCHWEIG, "ix2": BRAUNSCHWEIG}).client_id == "v2x-r-ix2"
