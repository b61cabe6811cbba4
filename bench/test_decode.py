"""`decode_ratio`: a 50-object frame from bytes to arrays, against what generated code needs for the same bytes in the same run.

A stream never repeats itself, so neither does the load: every frame of a round is another one.
"""

import statistics
import time
from collections.abc import Callable, Sequence

from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import record
from tests.wire_frames import traffic_frame
from v2x import wire
from v2x.v1.roadside_pb2 import RsuFrame

OBJECTS = 50
FRAMES_A_ROUND = 100
ROUNDS = 1000  # a second of both: longer than what else the machine does
SPARSE = ("acceleration", "yaw_rate")  # what most stations do not measure


def frames(left_out: Sequence[str] = ()) -> list[bytes]:
    made = [traffic_frame(seed, OBJECTS) for seed in range(FRAMES_A_ROUND)]
    for frame in made:
        for item in frame.objects:
            for name in left_out:
                item.ClearField(name)
    return [frame.SerializeToString() for frame in made]


def cpu_ns(function: Callable[[bytes], object], payloads: Sequence[bytes]) -> int:
    start = time.process_time_ns()
    for payload in payloads:
        function(payload)
    return time.process_time_ns() - start


def decode_ratio(payloads: Sequence[bytes]) -> float:
    """Rounds of both in turn; the median of each, for what else the machine does falls on either."""
    kernel, generated = [], []
    for _ in range(ROUNDS):
        kernel.append(cpu_ns(wire.parse_rsu_frame, payloads))
        generated.append(cpu_ns(RsuFrame.FromString, payloads))
    return statistics.median(kernel) / statistics.median(generated)


def test_decode_ratio() -> None:
    record("decode_ratio", decode_ratio(frames()), at_most=0.4)


def test_decode_ratio_of_sparse_objects() -> None:
    """Frames of stations that leave fields out: the fixed cost of a frame weighs more. Recorded, not judged."""
    record("decode_ratio_sparse", decode_ratio(frames(SPARSE)))


def test_decode(benchmark: BenchmarkFixture) -> None:
    payload = traffic_frame(1, OBJECTS).SerializeToString()
    assert len(benchmark(wire.parse_rsu_frame, payload).rows) == OBJECTS
