"""Bad input over real gRPC: whatever one station sends, the good stream beside it loses no frame."""

import asyncio
import random

import grpc
import pytest

from positioning.samples import Detection, Verdict
from tests.grpc_peers import LATITUDE_DEG, LONGITUDE_DEG, frame_of, served, station_peer

GOOD_FRAMES = 40


@pytest.fixture
async def one(tmp_path):
    async with served(tmp_path) as server:
        yield server


async def run_beside_a_good_stream(one, misbehave):
    """`misbehave(peer)` between the good station's frames; the bad station's last report."""
    good, bad = station_peer(one, "good"), station_peer(one, "bad")
    await bad.send_frames(1)
    await good.send_frames(GOOD_FRAMES // 2)
    await misbehave(bad)
    await good.send_frames(GOOD_FRAMES - GOOD_FRAMES // 2)
    arrivals = await one.arrivals(lambda seen: sum(arrival.source == "good" for arrival in seen) >= GOOD_FRAMES)
    taken = [arrival.sample.sequence for arrival in arrivals if arrival.source == "good"]
    assert taken == list(range(GOOD_FRAMES))
    good_report, good_code = await good.finish()
    assert (good_report.frames_accepted, good_code) == (GOOD_FRAMES, grpc.StatusCode.OK)
    assert not good_report.frames_rejected
    report, _ = await bad.finish()
    return report


def rejected(report):
    return {Verdict(count.verdict): count.count for count in report.frames_rejected}


def objects_rejected(report):
    return {Verdict(count.verdict): count.count for count in report.objects_rejected}


async def test_truncated_frames(one):
    payload = frame_of("bad", 1).SerializeToString()

    async def misbehave(bad):
        for length in range(1, 20):
            await bad.send(payload[:-length])
        await bad.send_frames(1)

    report = await run_beside_a_good_stream(one, misbehave)
    assert rejected(report)[Verdict.MALFORMED] >= 10
    assert any("could not be read" in sentence for sentence in report.advice)


async def test_random_frames(one):
    chance = random.Random(7)

    async def misbehave(bad):
        for _ in range(40):
            await bad.send(chance.randbytes(chance.randrange(1, 400)))

    report = await run_beside_a_good_stream(one, misbehave)
    assert sum(rejected(report).values()) == 40
    assert report.frames_accepted == 1


async def test_a_first_frame_that_cannot_be_read_ends_its_stream_with_the_reason(one):
    bad = station_peer(one, "bad")
    await bad.send(b"\xff\xff\xff")
    code, details = await bad.status()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "RsuFrame" in details


async def test_an_oversized_message_ends_its_stream_naming_the_limit(one):
    good, bad = station_peer(one, "good"), station_peer(one, "bad")
    await bad.send_frames(1)
    await good.send_frames(20)
    await bad.send(bytes(5_000_000))
    code, details = await bad.status()
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(64 * 1024 + 4096) in details
    await good.send_frames(20)
    await one.arrivals(lambda seen: sum(arrival.source == "good" for arrival in seen) == 40)
    assert (await good.finish())[0].frames_accepted == 40


async def test_a_frame_just_above_the_limit_is_counted(one):
    async def misbehave(bad):
        frame = frame_of("bad", 1)
        frame.sensors.add(sensor_id="x" * (64 * 1024))
        await bad.send(frame.SerializeToString())

    report = await run_beside_a_good_stream(one, misbehave)
    assert rejected(report) == {Verdict.OVERSIZED: 1}
    assert any("too large" in sentence for sentence in report.advice)


async def test_more_objects_than_allowed_are_refused(one):
    async def misbehave(bad):
        await bad.send_frames(1, objects=513)

    assert rejected(await run_beside_a_good_stream(one, misbehave)) == {Verdict.OVERSIZED: 1}


async def test_ten_thousand_objects_end_the_stream(one):
    good, bad = station_peer(one, "good"), station_peer(one, "bad")
    await bad.send_frames(1)
    await bad.send_frames(1, objects=10_000)
    assert (await bad.status())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    await good.send_frames(GOOD_FRAMES)
    await one.arrivals(lambda seen: sum(arrival.source == "good" for arrival in seen) == GOOD_FRAMES)
    await good.close()


async def test_values_out_of_range_cost_their_object_only(one):
    async def misbehave(bad):
        frame = frame_of("bad", 1, objects=4)
        frame.objects[1].speed = 9000
        frame.objects[2].latitude_e7 = 900000001
        frame.objects[3].heading = 30000
        await bad.send(frame.SerializeToString())

    report = await run_beside_a_good_stream(one, misbehave)
    assert not report.frames_rejected
    assert objects_rejected(report) == {Verdict.OUT_OF_RANGE: 3}
    assert report.objects_accepted == 3 + 1


async def test_another_continent_is_left_out_of_sample_and_log(one):
    async def misbehave(bad):
        frame = frame_of("bad", 1, objects=3)
        frame.objects[1].latitude_e7, frame.objects[1].longitude_e7 = -337000000, 1512000000
        await bad.send(frame.SerializeToString())

    good_arrivals = one.queue.put
    kept = []
    one.queue.put = lambda arrival: (kept.append(arrival), good_arrivals(arrival))
    report = await run_beside_a_good_stream(one, misbehave)
    assert objects_rejected(report) == {Verdict.OUT_OF_AREA: 1}
    second = [arrival for arrival in kept if arrival.source == "bad"][1]
    assert second.sample.rows[:, Detection.LOCAL_ID].tolist() == [0, 2]
    from v2x.wire import arrival as read_again

    replayed = read_again(second.kind, second.source, second.intersection, second.measured_ns, second.received_ns, second.payload)
    assert replayed.sample.rows.tobytes() == second.sample.rows.tobytes()


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "words"),
    [
        (LONGITUDE_DEG, LATITUDE_DEG, "swapped"),
        (LATITUDE_DEG, -LONGITUDE_DEG, "sign of the longitude"),
        (LATITUDE_DEG / 10, LONGITUDE_DEG / 10, "1e-6 degree"),
        (LATITUDE_DEG + 1, LONGITUDE_DEG, "outside the area"),
    ],
)
async def test_misplaced_stations_are_told_what_is_wrong(one, latitude_deg, longitude_deg, words):
    bad = station_peer(one, "bad")
    await bad.send_frames(5, latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    report = await bad.report(lambda report: report.advice)
    assert words in report.advice[0]
    await bad.close()


async def test_a_station_at_1000_hz_gets_its_share_only(one):
    async def misbehave(bad):
        await bad.send_frames(300)

    report = await run_beside_a_good_stream(one, misbehave)
    assert 50 <= report.frames_accepted <= 50 + 25 * 20
    assert rejected(report)[Verdict.RATE_LIMITED] > 0
    assert sum(rejected(report).values()) + report.frames_accepted == 301
    assert any("rate is too high" in sentence for sentence in report.advice)


async def test_an_intersection_it_is_not_registered_for(one):
    async def misbehave(bad):
        await bad.send_frames(5, intersection="elsewhere")

    report = await run_beside_a_good_stream(one, misbehave)
    assert rejected(report) == {Verdict.UNKNOWN_INTERSECTION: 5}
    assert objects_rejected(report) == {Verdict.UNKNOWN_INTERSECTION: 15}
    assert any("another intersection" in sentence for sentence in report.advice)


async def test_a_station_whose_intersection_has_no_map_here(one):
    one.approve("lost", intersection="elsewhere")
    lost = station_peer(one, "lost")
    await lost.send_frames(3, intersection="elsewhere")
    report = await lost.report(lambda report: report.frames_rejected)
    assert "has no map here" in report.advice[0]
    await lost.close()


async def test_a_frame_in_another_stations_name(one):
    async def misbehave(bad):
        await bad.send(frame_of("good", 4711).SerializeToString())

    assert rejected(await run_beside_a_good_stream(one, misbehave)) == {Verdict.MALFORMED: 1}


async def test_a_station_that_never_reads_its_reports_holds_up_nobody(tmp_path):
    from v2x.ingest import IngestLimits

    async with served(tmp_path, limits=IngestLimits(report_period_s=0.0)) as one:
        good, deaf = station_peer(one, "good"), station_peer(one, "bad")
        await deaf.send_frames(5)
        await good.send_frames(GOOD_FRAMES // 2)
        await deaf.send_frames(5)
        reader = asyncio.create_task(good.report(lambda report: report.frames_accepted == GOOD_FRAMES))
        await good.send_frames(GOOD_FRAMES // 2)
        arrivals = await one.arrivals(lambda seen: len(seen) == GOOD_FRAMES + 10)
        assert sum(arrival.source == "bad" for arrival in arrivals) == 10
        await reader
        await good.close()
        await deaf.close()
