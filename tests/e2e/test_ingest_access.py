"""Who may speak, who is told what, and how the server starts and stops, over real gRPC."""

import asyncio
import socket
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.certificates import self_signed
from tests.grpc_peers import FRAMES, PATIENCE_S, RoadsidePeer, end_call, frame_of, served, station_peer
from v2x.arrivals import ArrivalQueue
from v2x.errors import ConfigError
from v2x.ingest import IngestLimits, IngestServer
from v2x.stations import PeerKind, Station, StationRegistry, hash_token
from v2x.tls import Binding

EVERYWHERE = "0.0.0.0"  # noqa: S104 - that it is refused is the test


@pytest.fixture
async def one(tmp_path):
    async with served(tmp_path, stations=("good",)) as server:
        yield server


async def refused(one, station, token):
    peer = station_peer(one, station, token)
    await peer.send_frames(1)
    return await peer.status()


async def test_a_stranger_is_told_what_to_do_and_listed(one, tmp_path):
    code, details = await refused(one, "stranger", "whatever")
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "station stranger is not approved; run: v2x station approve stranger" in details
    (pending,) = StationRegistry(tmp_path / "stations.json").pending()
    assert (pending.id, pending.intersection, pending.attempts) == ("stranger", "crossing", 1)
    assert pending.peer.startswith("ipv4:127.0.0.1:")


async def test_a_pending_station_is_let_in_once_another_process_approved_it(one, tmp_path):
    await refused(one, "stranger", "")
    token = StationRegistry(tmp_path / "stations.json").approve("stranger", "crossing")
    one.registry._checked_ns = -(10**12)  # as if a second had passed
    peer = station_peer(one, "stranger", token)
    await peer.send_frames(2)
    report, code = await peer.finish()
    assert (report.frames_accepted, code) == (2, grpc.StatusCode.OK)
    assert StationRegistry(tmp_path / "stations.json").pending() == []


@pytest.mark.parametrize(("token", "words"), [("", "sent no token"), ("wrong", "not the registered one")])
async def test_a_known_station_needs_its_token(one, token, words):
    code, details = await refused(one, "good", token)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert words in details


async def test_a_revoked_station_loses_its_stream(one, tmp_path):
    peer = station_peer(one, "good")
    await peer.send_frames(1)
    await one.arrivals(len)
    StationRegistry(tmp_path / "stations.json").revoke("good")
    one.registry._checked_ns = -(10**12)
    code, details = await peer.status()
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "registration of station good changed" in details


async def test_an_unreadable_registry_keeps_those_it_knew(one, tmp_path):
    (tmp_path / "stations.json").write_text("{broken")
    one.registry._checked_ns = -(10**12)
    peer = station_peer(one, "good")
    await peer.send_frames(1)
    assert (await peer.finish())[1] is grpc.StatusCode.OK


async def test_the_newest_stream_of_a_station_wins(one):
    older = station_peer(one, "good")
    await older.send_frames(3)
    await one.arrivals(lambda seen: len(seen) == 3)
    newer = station_peer(one, "good")
    newer.sequence = 3
    await newer.send_frames(3)
    code, details = await older.status()
    assert code is grpc.StatusCode.ABORTED
    assert "took over" in details
    assert [arrival.sample.sequence for arrival in await one.arrivals(lambda seen: len(seen) == 3)] == [3, 4, 5]
    report, _ = await newer.finish()
    assert (report.frames_accepted, report.sequence_gaps) == (3, 0), "a report counts from its own stream's opening"


async def test_a_stream_that_says_nothing_is_closed(tmp_path):
    async with served(tmp_path, limits=IngestLimits(first_message_s=0.01)) as one:
        peer = station_peer(one, "good")
        await peer.call.initial_metadata()
        assert (await peer.status())[0] is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_report_says_how_the_station_stands(one):
    peer = station_peer(one, "good")
    now_ns = time.time_ns()
    for sequence in (5, 6, 8, 8, 9):
        await peer.send(frame_of("good", sequence, measured_ns=now_ns + sequence * 1000 - 3_600_000_000_000).SerializeToString())
    report, _ = await peer.finish()
    assert (report.station_id, report.highest_sequence, report.sequence_gaps) == ("good", 9, 1)
    assert (report.frames_accepted, report.objects_accepted) == (4, 12)
    assert 3600 <= report.clock_offset_ns / 1e9 < 3600 + PATIENCE_S
    assert "ms behind ours" in report.advice[0]


async def test_stopping_gives_a_last_report_and_asks_to_come_again(tmp_path):
    async with served(tmp_path, limits=IngestLimits(report_period_s=60)) as one:
        peer = station_peer(one, "good")
        await peer.send_frames(4)
        await one.arrivals(lambda seen: len(seen) == 4)
        stopping = asyncio.create_task(one.server.stop())
        assert (await peer.report()).frames_accepted == 4
        code, details = await peer.status()
        await stopping
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "connect again" in details


async def test_a_taken_port_names_the_flag(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=r"--grpc.*cannot listen"):
            await started(tmp_path, Binding(port=port))


async def test_two_servers_do_not_share_a_port(one, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot listen"):
        await started(tmp_path, Binding(port=int(one.address.rpartition(":")[2])))


async def test_listening_to_strangers_needs_tls_or_a_word(tmp_path):
    with pytest.raises(ConfigError, match=r"--tls-certificate.*--insecure"):
        await started(tmp_path, Binding(host=EVERYWHERE, port=0))
    server = await started(tmp_path, Binding(host=EVERYWHERE, port=0, insecure=True))
    await server.stop()


async def test_a_station_streams_over_tls(tmp_path):
    certificate, key = self_signed(tmp_path)
    async with served(tmp_path, binding=Binding(port=0, certificate=certificate, private_key=key)) as one:
        channel = tls_channel(one, certificate)
        peer = RoadsidePeer("", "good", one.tokens["good"], channel)
        await peer.send_frames(3)
        report, code = await peer.finish()
    assert code is grpc.StatusCode.OK
    assert report.frames_accepted == 3


@pytest.mark.parametrize("trust", ["another certificate", "no certificate"])
async def test_without_our_certificate_no_byte_is_taken(tmp_path, trust):
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    certificate, key = self_signed(tmp_path / "ours")
    theirs, _ = self_signed(tmp_path / "theirs")
    async with served(tmp_path, binding=Binding(port=0, certificate=certificate, private_key=key)) as one:
        channel = tls_channel(one, theirs) if trust == "another certificate" else grpc.aio.insecure_channel(one.address)
        peer = RoadsidePeer("", "good", one.tokens["good"], channel)
        code, _ = await peer.status()
        assert code is grpc.StatusCode.UNAVAILABLE
        assert await one.queue.take(time.time_ns()) == []


def tls_channel(one, certificate):
    return grpc.aio.secure_channel(one.address.replace("127.0.0.1", "localhost"), grpc.ssl_channel_credentials(certificate.read_bytes()))


async def started(folder, binding, registry=None):
    queue = ArrivalQueue(time.time_ns)
    registry = registry or StationRegistry(folder / "other.json")
    server = IngestServer(queue, registry, IngestLimits(), lambda *_position: None, time.time_ns, FRAMES, binding=binding)
    await server.start()
    return server


async def test_a_builtin_example_station_is_served(tmp_path):
    example = Station("rsu-example", PeerKind.ROADSIDE, "crossing", None, hash_token("example"), approved=True, loopback_only=True)
    async with served(tmp_path, stations=()) as one:
        one.registry._builtin = {example.id: example}
        peer = station_peer(one, "rsu-example", "example")
        await peer.send_frames(1)
        assert (await peer.finish())[1] is grpc.StatusCode.OK


async def test_health_and_reflection(one):
    async with grpc.aio.insecure_channel(one.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="v2x.v1.RoadsideService"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol="v2x.v1.RoadsideService")
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await call.write(asked)
        async with asyncio.timeout(PATIENCE_S):
            files = (await call.read()).file_descriptor_response.file_descriptor_proto
        assert any(b"RoadsideService" in file for file in files)
        await end_call(call)


async def test_counters_tell_frames_objects_and_rejections_by_station(one):
    peer = station_peer(one, "good")
    await peer.send_frames(3)
    await peer.send(b"\xff")
    await peer.finish()
    counters = one.server.counters()
    assert (counters.frames, counters.objects) == (3, 9)
    assert {name: dict(counts) for name, counts in counters.rejected.items()} == {"good": {2: 1}}
