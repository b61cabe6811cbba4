"""ingest_ratio: a frame's way from bytes into the input queue, against generated code that only parses the same bytes."""

import math
import time

from bench.figures import record
from positioning.frames import LocalFrame
from v2x.arrivals import ArrivalQueue
from v2x.ingest.admission import AdmissionLimits
from v2x.ingest.areas import areas_of
from v2x.ingest.source import StationSource
from v2x.v1.roadside_pb2 import RsuFrame

OBJECTS = 50
BATCH = 20  # frames the road takes out at once: 20 stations in one round
ROUNDS = 200
START_NS = 1_800_000_000_000_000_000
PERIOD_NS = 100_000_000
LATITUDE_DEG, LONGITUDE_DEG = 52.2746, 10.5269


def payload(sequence: int) -> bytes:
    """A frame as a fused roadside unit sends it, every field known."""
    frame = RsuFrame(station_id="rsu-1", intersection_id="crossing", sequence=sequence)
    frame.measured.unix_ns = START_NS + sequence * PERIOD_NS
    for number in range(OBJECTS):
        frame.objects.add(
            local_id=number,
            object_class=1 + number % 6,
            latitude_e7=round(LATITUDE_DEG * 1e7) + 137 * number,
            longitude_e7=round(LONGITUDE_DEG * 1e7) - 211 * number,
            speed=20 * number,
            heading=575 * number,
            acceleration=number - 25,
            yaw_rate=40 * number - 1000,
            length_cm=450,
            width_cm=180,
            height_cm=150,
            position_accuracy_cm=30,
            speed_accuracy=25,
            heading_accuracy=160,
            existence_confidence=95,
        )
    return frame.SerializeToString()


class Road:
    """A station's source whose clock follows the frames, and a consumer that takes them out batch by batch."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.taken = 0
        self.queue = ArrivalQueue(lambda: self.now_ns)
        area = areas_of({"crossing": LocalFrame(math.radians(LATITUDE_DEG), math.radians(LONGITUDE_DEG))})["crossing"]
        self.source = StationSource("rsu-1", "crossing", area, self.queue, AdmissionLimits(), lambda: self.now_ns)

    def ingest_ns(self, batch: list[bytes]) -> int:
        """CPU time of the batch's way into the queue; taking it out again is the road's and not timed."""
        start = time.process_time_ns()
        for one in batch:
            self.now_ns += PERIOD_NS
            self.source.take(one)
        elapsed = time.process_time_ns() - start
        self.taken += len(self.queue._waiting)
        self.queue._waiting.clear()
        return elapsed


def parse_ns(batch: list[bytes]) -> int:
    start = time.process_time_ns()
    for one in batch:
        RsuFrame.FromString(one)
    return time.process_time_ns() - start


def test_ingest_ratio():
    """Both timed turn about in one run; the least of each is what the code costs without the machine's noise."""
    road = Road()
    batches = [[payload(round_ * BATCH + number) for number in range(BATCH)] for round_ in range(ROUNDS)]
    timed = [(parse_ns(batch), road.ingest_ns(batch)) for batch in batches]
    assert road.taken == road.source.total.frames == ROUNDS * BATCH, "every frame was queued"
    assert road.source.total.objects == ROUNDS * BATCH * OBJECTS
    parse, ingest = (min(times) / BATCH / 1000 for times in zip(*timed, strict=True))
    record("ingest_us", ingest)
    record("ingest_ratio", ingest / parse, at_most=1.0)
