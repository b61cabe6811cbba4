"""The registry of stations: what it lets in, what survives, what it says when something is wrong."""

import json

import pytest

from v2x.stations import PENDING_CAPACITY, PeerKind, Pose, Station, StationError, StationRegistry, hash_token

SECOND_NS = 1_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "stations.json"


def test_an_approved_station_has_its_token_and_no_other(path):
    token = StationRegistry(path).approve("rsu-7", "north", Pose(52.2746, 10.5269, 90.0))
    station = StationRegistry(path).find("rsu-7")
    assert (station.intersection, station.pose, station.approved) == ("north", Pose(52.2746, 10.5269, 90.0), True)
    assert station.has_token(token)
    assert not any(station.has_token(wrong) for wrong in ("", "x", token[:-1], token + "x", station.token))


def test_the_file_holds_no_token_and_salts_differ(path):
    registry = StationRegistry(path)
    token = registry.approve("a", "north")
    assert token not in path.read_text()
    assert hash_token("same") != hash_token("same")


def test_a_second_approval_ends_the_first_token_and_keeps_the_pose(path):
    registry = StationRegistry(path)
    first = registry.approve("rsu-7", "north", Pose(1.0, 2.0))
    second = registry.approve("rsu-7", "south")
    station = registry.find("rsu-7")
    assert not station.has_token(first)
    assert station.has_token(second)
    assert (station.intersection, station.pose) == ("south", Pose(1.0, 2.0))


def test_a_running_registry_sees_what_another_process_wrote_within_a_second(path):
    running = StationRegistry(path)
    assert not running.reload_if_due(10 * SECOND_NS)
    StationRegistry(path).approve("rsu-7", "north")
    assert not running.reload_if_due(10 * SECOND_NS + 1), "at most once a second"
    assert running.find("rsu-7") is None
    assert running.reload_if_due(11 * SECOND_NS)
    assert running.find("rsu-7") is not None
    assert not running.reload_if_due(13 * SECOND_NS), "unchanged"


def test_a_revoked_station_stays_listed(path):
    registry = StationRegistry(path)
    registry.approve("rsu-7", "north")
    registry.revoke("rsu-7")
    assert not StationRegistry(path).find("rsu-7").approved
    with pytest.raises(StationError, match="rsu-8 is not registered"):
        registry.revoke("rsu-8")


def test_a_builtin_station_is_known_until_the_file_says_otherwise(path):
    builtin = Station("rsu-example", PeerKind.ROADSIDE, "example", None, hash_token("example"), approved=True, loopback_only=True)
    registry = StationRegistry(path, (builtin,))
    assert registry.find("rsu-example").has_token("example")
    registry.revoke("rsu-example")
    assert not StationRegistry(path, (builtin,)).find("rsu-example").approved


def test_tokens_of_peers_that_do_not_name_themselves(path):
    registry = StationRegistry(path)
    token = registry.approve("lamps", "north", kind=PeerKind.SIGNAL)
    registry.approve("fleet", "", kind=PeerKind.VEHICLE)
    assert registry.find_by_token(PeerKind.SIGNAL, token).id == "lamps"
    assert registry.find_by_token(PeerKind.VEHICLE, token) is None


def test_strangers_are_remembered_for_another_process(path):
    running = StationRegistry(path)
    running.note_pending("new", "ipv4:10.0.0.9:4000", "north", "not approved", 5 * SECOND_NS)
    running.note_pending("new", "ipv4:10.0.0.9:4001", "north", "not approved", 7 * SECOND_NS)
    (seen,) = StationRegistry(path).pending()
    assert (seen.id, seen.peer, seen.attempts, seen.first_seen_ns, seen.last_seen_ns) == (
        "new", "ipv4:10.0.0.9:4001", 2, 5 * SECOND_NS, 7 * SECOND_NS,
    )  # fmt: skip
    StationRegistry(path).approve("new", "north")
    assert running.pending() == []


def test_a_hammering_stranger_costs_one_write_a_second(path):
    registry = StationRegistry(path)
    pending_file = path.with_name("stations.pending.json")
    registry.note_pending("new", "peer", "", "reason", SECOND_NS)
    written = pending_file.read_bytes()
    for number in range(100):
        registry.note_pending("new", "peer", "", "reason", SECOND_NS + number)
    assert pending_file.read_bytes() == written
    registry.flush_pending(3 * SECOND_NS)
    assert json.loads(pending_file.read_bytes())[0]["attempts"] == 101


def test_the_list_of_strangers_is_bounded_and_forgets_the_oldest(path):
    registry = StationRegistry(path)
    for number in range(PENDING_CAPACITY + 10):
        registry.note_pending(f"s{number}", "peer", "", "reason", number * 2 * SECOND_NS)
    listed = {pending.id for pending in StationRegistry(path).pending()}
    assert len(listed) == PENDING_CAPACITY
    assert "s9" not in listed
    assert "s10" in listed


@pytest.mark.parametrize("station", ["", "a b", "x" * 65, "../etc", "a/b"])
def test_an_id_that_is_none_is_refused(path, station):
    with pytest.raises(StationError, match="no station id"):
        StationRegistry(path).approve(station, "north")


def test_a_roadside_station_needs_an_intersection(path):
    with pytest.raises(StationError, match="--intersection"):
        StationRegistry(path).approve("rsu-7", "")


@pytest.mark.parametrize("pose", [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0), (0.0, 0.0, 400.0)])
def test_a_pose_lies_on_the_earth(pose):
    with pytest.raises(StationError, match="is not within"):
        Pose(*pose)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "version"),
        ('{"version": 2, "stations": []}', "version"),
        ('{"version": 1, "stations": [{"id": "a b"}]}', "no station id"),
        ('{"version": 1, "stations": [{"id": "a", "token": "x$y"}]}', "station a: approved is missing"),
        ('{"version": 1, "stations": [{"id": "a", "approved": true, "token": "x$y", "kind": "king"}]}', "station a: .*king"),
    ],
)
def test_a_broken_file_is_named_with_its_entry(path, text, words):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(StationError, match=words) as caught:
        StationRegistry(path)
    assert str(path) in str(caught.value)
