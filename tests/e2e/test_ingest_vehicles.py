"""Connected vehicles and signal controllers over real gRPC."""

import time

import grpc
import numpy as np
import pytest

from intersections.decisions import Cause, CorrectedPositions, Party, Severity, SignalReport, Warning, WarningKind, WarningState
from intersections.samples import CommandKind, PhaseState
from positioning.samples import Detection, ObjectClass, Verdict
from tests.grpc_peers import LATITUDE_DEG, VehiclePeer, served
from v2x.arrivals import ArrivalKind
from v2x.ingest import IngestLimits
from v2x.ingest.downlink import BOUNDS, Downlink, DownlinkKind
from v2x.stations import PeerKind
from v2x.v1 import signal_pb2, vehicle_pb2
from v2x.wire import arrival as read_again


@pytest.fixture
async def one(tmp_path):
    async with served(tmp_path) as server:
        yield server


def warning(vehicle, number=0, state=WarningState.RAISED):
    now_ns = time.time_ns()
    parties = tuple(Party(track, ObjectClass.CAR, name, 10.0 * track, 0.0, 5.0, 0.0) for track, name in ((1, vehicle), (2, "")))
    numbers = (0.0, 0.0, 3.0, float("nan"), 2.0, 0.9)
    return Warning(
        f"w{number}",
        "crossing",
        WarningKind.ICW,
        state,
        now_ns,
        now_ns,
        now_ns + 10**9,
        Severity.DANGER,
        parties,
        *numbers,
        Cause("good", 1),
    )


async def connected(one, vehicle):
    peer = VehiclePeer(one.address, vehicle)
    await peer.send_sample()
    await one.arrivals(lambda seen: any(arrival.source == vehicle for arrival in seen))
    return peer


async def test_a_sample_is_queued_with_the_bytes_that_make_it_again(one):
    peer = VehiclePeer(one.address, "car-1")
    await peer.send_sample()
    (arrival,) = await one.arrivals(len)
    assert (arrival.kind, arrival.source, arrival.intersection) == (ArrivalKind.VEHICLE_SAMPLE, "car-1", "crossing")
    fields = (arrival.kind, arrival.source, arrival.intersection, arrival.measured_ns, arrival.received_ns, arrival.payload)
    assert read_again(*fields).sample.row.tobytes() == arrival.sample.row.tobytes()
    await peer.close()


async def test_a_sample_far_from_any_intersection_is_counted(one):
    peer = VehiclePeer(one.address, "car-1")
    await peer.send_sample(latitude_deg=LATITUDE_DEG + 1)
    await peer.send_sample()
    await one.arrivals(len)
    assert one.server.counters().rejected["vehicles"] == {Verdict.OUT_OF_AREA: 1}
    await peer.close()


async def test_a_warning_reaches_the_vehicle_it_is_about_and_no_other(one):
    first, second = await connected(one, "car-1"), await connected(one, "car-2")
    one.server.publish([warning("car-1", 1), warning("car-2", 2), warning("gone", 3)], time.time_ns())
    assert (await first.read()).warning.id == "w1"
    assert (await second.read()).warning.id == "w2"
    await first.close()
    await second.close()


async def test_lamp_states_reach_the_vehicles_near(one):
    peer = await connected(one, "car-1")
    now_ns = time.time_ns()
    one.server.publish([SignalReport("crossing", now_ns, (("1", PhaseState.STOP_AND_REMAIN),), Cause("s", 7))], now_ns)
    signal = (await peer.read()).signal
    assert (signal.intersection_id, signal.groups[0].state) == ("crossing", signal_pb2.PHASE_STATE_STOP_AND_REMAIN)
    await peer.close()


def positions(time_ns, *vehicles):
    rows = np.ones((len(vehicles), 4)), *np.ones((2, len(vehicles))), np.zeros(len(vehicles), bool), np.ones(len(vehicles), np.uint32)
    return CorrectedPositions("crossing", time_ns, vehicles, *rows)


async def wish(one, peer, rate_dhz):
    """Returns when the server has read it."""
    await peer.call.write(vehicle_pb2.VehicleUplink(request=vehicle_pb2.VehicleRequest(position_rate_dhz=rate_dhz)))
    await peer.send_sample()
    await one.arrivals(len)


@pytest.mark.parametrize(("rate_dhz", "told"), [(None, [0, 10, 20]), (50, [0, 2, 4]), (100, [0, 1, 2]), (33, [0, 3, 6])])
async def test_positions_come_at_the_wished_rate(one, rate_dhz, told):
    peer = await connected(one, "car-1")
    if rate_dhz is not None:
        await wish(one, peer, rate_dhz)
    asked_ns = time.time_ns()
    for number in range(told[-1] + 1):  # ten a second, each some milliseconds off
        now_ns = asked_ns + number * 10**8 + (3, -3)[number % 2] * 10**6
        one.server.publish([positions(number, "car-1")], now_ns)
        if number in told:
            assert (await peer.read()).position.time_unix_ns == number
    await peer.close()


async def test_who_wishes_none_gets_no_position(one):
    peer = await connected(one, "car-1")
    await wish(one, peer, 0)
    now_ns = time.time_ns()
    one.server.publish([positions(1, "car-1"), warning("car-1")], now_ns)
    assert (await peer.read()).warning.id == "w0"
    await peer.close()


def ranges(*names, vehicle="car-1", sequence=0, range_mm=80_000):
    message = vehicle_pb2.RangeMeasurements(temporary_id=vehicle, sequence=sequence)
    message.measured.unix_ns = time.time_ns()
    message.ranges.extend(vehicle_pb2.Range(gnb_id=name, range_mm=range_mm) for name in names)
    return vehicle_pb2.VehicleUplink(ranges=message)


async def test_ranges_are_queued_without_those_that_cannot_be_taken(tmp_path):
    async with served(tmp_path, anchors={"a", "b"}) as one:
        peer = await connected(one, "car-1")
        await peer.call.write(ranges("a", "nobody", "b"))
        (arrival,) = await one.arrivals(len)
        assert (arrival.kind, arrival.source, arrival.intersection) == (ArrivalKind.RANGES, "car-1", "crossing")
        assert (arrival.sample.anchors, arrival.sample.range_m.tolist()) == (("a", "b"), [80.0, 80.0])
        fields = (arrival.kind, arrival.source, arrival.intersection, arrival.measured_ns, arrival.received_ns, arrival.payload)
        assert read_again(*fields).sample.anchors == ("a", "b")
        assert one.server.counters().rejected["vehicles"] == {Verdict.UNKNOWN_ANCHOR: 1}
        await peer.close()


async def test_ranges_that_cannot_be_taken_are_counted_and_the_stream_goes_on(tmp_path):
    async with served(tmp_path, anchors={"a"}) as one:
        early = VehiclePeer(one.address, "early")
        await early.call.write(ranges("a", vehicle="early"))  # where it is nobody knows yet
        peer = await connected(one, "car-1")
        repeated = ranges("a", sequence=2)
        refused = [ranges("a", vehicle="other"), ranges("a", range_mm=0), repeated, repeated, ranges(*["a"] * 33, sequence=3)]
        for message in refused:
            await peer.call.write(message)
        await peer.send_sample()
        kinds = [arrival.kind for arrival in await one.arrivals(lambda seen: any(a.kind is ArrivalKind.VEHICLE_SAMPLE for a in seen))]
        assert kinds == [ArrivalKind.RANGES, ArrivalKind.VEHICLE_SAMPLE]
        wanted = {Verdict.MALFORMED: 2, Verdict.OUT_OF_RANGE: 1, Verdict.DUPLICATE: 1, Verdict.OVERSIZED: 1}
        assert one.server.counters().rejected["vehicles"] == wanted
        await early.close()
        await peer.close()


async def test_a_vehicle_in_a_tunnel_stays_at_its_intersection(one):
    peer = await connected(one, "car-1")
    sample = vehicle_pb2.VehicleSample(temporary_id="car-1", sequence=peer.sequence, speed=500)
    sample.measured.unix_ns, sample.fix.status = time.time_ns(), vehicle_pb2.FIX_STATUS_NONE
    await peer.call.write(vehicle_pb2.VehicleUplink(sample=sample))
    (arrival,) = await one.arrivals(len)
    assert (arrival.intersection, arrival.sample.row[Detection.SPEED_MPS]) == ("crossing", 10.0)
    assert np.isnan(arrival.sample.row[Detection.LATITUDE_RAD])
    await peer.close()


async def test_an_acknowledgement_becomes_a_command_arrival(one):
    peer = await connected(one, "car-1")
    answer = vehicle_pb2.Acknowledgement(temporary_id="car-1", about_id="w1", answer=vehicle_pb2.ANSWER_RECEIVED)
    await peer.call.write(vehicle_pb2.VehicleUplink(acknowledgement=answer))
    (arrival,) = await one.arrivals(len)
    assert arrival.kind is ArrivalKind.COMMAND
    assert (arrival.sample.kind, arrival.sample.author, arrival.sample.about) == (CommandKind.ACKNOWLEDGEMENT, "car-1", "w1")
    await peer.close()


async def test_a_vehicle_cannot_answer_for_another(one):
    peer = await connected(one, "car-1")
    answer = vehicle_pb2.Acknowledgement(temporary_id="car-2", about_id="w1", answer=vehicle_pb2.ANSWER_DONE)
    await peer.call.write(vehicle_pb2.VehicleUplink(acknowledgement=answer))
    await peer.send_sample()
    assert {arrival.kind for arrival in await one.arrivals(len)} == {ArrivalKind.VEHICLE_SAMPLE}
    assert one.server.counters().rejected["vehicles"] == {Verdict.MALFORMED: 1}
    await peer.close()


async def test_a_temporary_id_in_use_is_not_given_away(one):
    holder = await connected(one, "car-1")
    thief = VehiclePeer(one.address, "car-1")
    await thief.send_sample()
    assert (await thief.status())[0] is grpc.StatusCode.ALREADY_EXISTS
    one.server.publish([warning("car-1")], time.time_ns())
    assert (await holder.read()).warning.id == "w0"
    await holder.close()


async def test_a_silent_holder_loses_its_temporary_id(tmp_path):
    async with served(tmp_path, limits=IngestLimits(vehicle_silence_s=0.0)) as one:
        older, newer = await connected(one, "car-1"), await connected(one, "car-1")
        assert (await older.status())[0] is grpc.StatusCode.ABORTED
        one.server.publish([warning("car-1")], time.time_ns())
        assert (await newer.read()).warning.id == "w0"
        await newer.close()


async def test_a_vehicle_that_stops_reading_holds_up_nobody(one):
    deaf, good = await connected(one, "deaf"), await connected(one, "good-car")
    for number in range(5000):
        one.server.publish([warning("deaf", number), warning("good-car", number)], time.time_ns())
        if number % 10 == 0:
            assert (await good.read()) is not grpc.aio.EOF
    await deaf.send_sample()
    await one.arrivals(lambda seen: any(arrival.source == "deaf" for arrival in seen))
    await deaf.close()
    await good.close()


async def test_garbage_is_counted_and_the_stream_goes_on(one):
    peer = await connected(one, "car-1")
    channel = grpc.aio.insecure_channel(one.address)
    raw = channel.stream_stream("/v2x.v1.VehicleService/Stream")()
    await raw.write(b"\xff\xff\xff")
    await raw.done_writing()
    assert await raw.code() is grpc.StatusCode.OK
    assert one.server.counters().rejected["vehicles"] == {Verdict.MALFORMED: 1}
    await channel.close()
    await peer.close()


async def test_vehicles_need_the_token_where_one_is_asked_for(tmp_path):
    async with served(tmp_path, vehicle_token="secret") as one:
        stranger, friend = VehiclePeer(one.address, "car-1"), VehiclePeer(one.address, "car-2", token="secret")
        await friend.send_sample()
        assert [arrival.source for arrival in await one.arrivals(len)] == ["car-2"]
        assert (await stranger.status())[0] is grpc.StatusCode.UNAUTHENTICATED
        await friend.close()


def lamps(sequence, intersection="crossing"):
    message = signal_pb2.SignalState(intersection_id=intersection, sequence=sequence)
    message.measured.unix_ns = time.time_ns()
    message.groups.add(group_id="1", state=signal_pb2.PHASE_STATE_STOP_AND_REMAIN)
    return message


async def send_lamps(one, messages, token=""):
    async with grpc.aio.insecure_channel(one.address) as channel:
        metadata = [("authorization", f"Bearer {token}")] if token else []
        stream = channel.stream_stream("/v2x.v1.SignalService/Stream", request_serializer=signal_pb2.SignalState.SerializeToString)
        call = stream(metadata=metadata)
        try:
            for message in messages:
                await call.write(message)
            await call.done_writing()
        except grpc.aio.AioRpcError:
            pass  # refused while writing: the status below is what counts
        return await call.code()


async def test_lamp_states_are_queued(one):
    assert await send_lamps(one, [lamps(0), lamps(1), lamps(2, "elsewhere")]) is grpc.StatusCode.OK
    first, second = await one.arrivals(lambda seen: len(seen) == 2)
    assert first.kind is ArrivalKind.SIGNAL_STATE
    assert second.sample.groups == (("1", PhaseState.STOP_AND_REMAIN),)
    assert one.server.counters().rejected["signals"] == {Verdict.UNKNOWN_INTERSECTION: 1}


async def test_controllers_need_a_token_of_their_own_intersection(tmp_path):
    async with served(tmp_path, vehicle_token="secret") as one:
        token = one.registry.approve("controller-7", "crossing", kind=PeerKind.SIGNAL)
        other = one.registry.approve("controller-8", "elsewhere", kind=PeerKind.SIGNAL)
        assert await send_lamps(one, [lamps(0)], token="secret") is grpc.StatusCode.UNAUTHENTICATED
        assert await send_lamps(one, [lamps(0)], token=other) is grpc.StatusCode.OK
        assert await send_lamps(one, [lamps(0)], token=token) is grpc.StatusCode.OK
        assert [arrival.source for arrival in await one.arrivals(len)] == ["controller-7"]


def test_a_full_downlink_drops_the_oldest_but_never_an_order():
    downlink = Downlink()
    for number in range(100):
        for kind in (DownlinkKind.POSITION, DownlinkKind.WARNING):
            assert downlink.put(kind, b"%d" % number)
    assert all(downlink.put(DownlinkKind.ORDER, b"order") for _ in range(BOUNDS[DownlinkKind.ORDER]))
    assert not downlink.put(DownlinkKind.ORDER, b"one too many")
    assert downlink.dropped == 100 - 1 + 100 - BOUNDS[DownlinkKind.WARNING]


async def test_the_downlink_hands_out_the_most_urgent_first():
    downlink = Downlink()
    for kind in (DownlinkKind.POSITION, DownlinkKind.WARNING, DownlinkKind.ORDER):
        downlink.put(kind, kind.name.encode())
    assert [await downlink.take() for _ in range(3)] == [b"ORDER", b"WARNING", b"POSITION"]
