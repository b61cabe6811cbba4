"""A roadside unit in 20 lines: two cars on collision course at the packaged example crossing, again and again. Needs `v2x serve`."""

import contextlib, itertools, sys, time  # noqa: E401, I001

import grpc
from v2x.v1 import common_pb2, roadside_pb2, roadside_pb2_grpc

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"


def car(local_id: int, east_m: float, north_m: float, heading_deg: float) -> roadside_pb2.DetectedObject:
    place = {"latitude_e7": 320300000 + round(90.18 * north_m), "longitude_e7": 1186900000 + round(105.86 * east_m)}  # 1e-7 degrees
    motion = {"speed": round(12 / 0.02), "heading": round(heading_deg / 0.0125)}
    return roadside_pb2.DetectedObject(local_id=local_id, object_class=common_pb2.OBJECT_CLASS_CAR, length_cm=450, width_cm=180, **place, **motion)


def frames():
    for sequence in itertools.count():
        lap, step = divmod(sequence, 120)  # 12 s at 10 Hz: 85 m up to the crossing and 59 m on
        along_m = 1.2 * step - 85
        cars = [car(2 * lap % 60000, 1.75, along_m - 1.75, 0), car((2 * lap + 1) % 60000, along_m + 1.75, -1.75, 90)]
        measured = common_pb2.Timestamp(unix_ns=time.time_ns())
        yield roadside_pb2.RsuFrame(station_id="rsu-example", intersection_id="example", sequence=sequence, measured=measured, objects=cars)
        time.sleep(0.1)


with grpc.insecure_channel(ADDRESS) as channel, contextlib.suppress(KeyboardInterrupt):
    for report in roadside_pb2_grpc.RoadsideServiceStub(channel).Stream(frames(), metadata=[("authorization", "Bearer example")]):
        print(report)
