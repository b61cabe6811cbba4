"""From a frame handed to gRPC to its warning in an independent subscriber's hands, against the floor of the same run.

20 stations at 10 Hz with 50 objects each stand at 10 crossings, two at each, as in a district, staggered evenly. The real road and
the floor (`bench.floor_server`) take turns in slices, so that a change of the machine's mood meets both. Probes: of the road the
frames that raised or cleared a warning, one as a rule; of the floor all frames, for it answers each.
"""

import asyncio

import numpy as np
import pytest

from bench.figures import record
from bench.servers import ServerUnderTest, floor_server, real_server
from v2x.load.client import Load, measure
from v2x.load.district import Scene, prepare_district
from v2x.load.subscriber import Subscriber

CROSSINGS = 10
RATE_HZ = 10.0
OBJECTS = 50
SLICE_S = 20.0
SLICES = 4  # of each; about 2,300 probes of the road
LEAST_PROBES = 2000
P50_RATIO = 2.0
P99_RATIO = 3.0


@pytest.mark.timeout(900)
def test_frame_to_warning_takes_little_more_than_the_floor(tmp_path):
    real = prepare_district(tmp_path / "real", CROSSINGS)
    floor = prepare_district(tmp_path / "floor", CROSSINGS)
    with real_server(real) as road, floor_server(floor) as constant:
        latencies_ms = measure_in_turns({"road": road, "floor": constant})
    assert len(latencies_ms["road"]) >= LEAST_PROBES
    (road_p50, road_p99, road_p999), (floor_p50, floor_p99, _) = (
        np.percentile(latencies_ms[name], (50.0, 99.0, 99.9)) for name in ("road", "floor")
    )
    print(f"\nroad p50 {road_p50:.2f} p99 {road_p99:.2f} p99.9 {road_p999:.2f} ms of {len(latencies_ms['road'])} probes")
    print(f"floor p50 {floor_p50:.2f} p99 {floor_p99:.2f} ms of {len(latencies_ms['floor'])} frames")
    record("e2e_p50_ms", road_p50)
    record("e2e_p99_ms", road_p99)
    record("e2e_p999_ms", road_p999)
    record("e2e_floor_p50_ms", floor_p50)
    record("e2e_floor_p99_ms", floor_p99)
    p50_ratio, p99_ratio = road_p50 / floor_p50, road_p99 / floor_p99
    record("e2e_p50_ratio", p50_ratio)  # both are kept before either is judged
    record("e2e_p99_ratio", p99_ratio)
    record("e2e_p50_ratio", p50_ratio, at_most=P50_RATIO)
    record("e2e_p99_ratio", p99_ratio, at_most=P99_RATIO)


def measure_in_turns(servers: dict[str, ServerUnderTest]) -> dict[str, list[float]]:
    scene = Scene(OBJECTS)
    loads = {name: Load(server.grpc, server.district.peers, scene, RATE_HZ) for name, server in servers.items()}
    latencies_ms: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(SLICES):
        for name, server in servers.items():
            with Subscriber(*server.mqtt) as subscriber:
                outcome = asyncio.run(measure(loads[name], subscriber, SLICE_S))
            assert outcome.lost == 0
            assert not outcome.rejected
            latencies_ms[name] += outcome.all_latencies_ms()
    return latencies_ms
