"""A roadside unit in 20 lines: two cars on collision course at the packaged example crossing, again and again. Needs `v2x serve`."""

import itertools
import sys
import time

import grpc

from v2x.v1 import common_pb2, roadside_pb2, roadside_pb2_grpc


def car(local_id, east_m, north_m, heading_deg):
    place = {"latitude_e7": 320300000 + round(90.18 * north_m), "longitude_e7": 1186900000 + round(105.86 * east_m)}  # 1e-7 degrees
    motion = {"speed": round(12 / 0.02), "heading": round(heading_deg / 0.0125)}
    shape = {"object_class": common_pb2.OBJECT_CLASS_CAR, "length_cm": 450, "width_cm": 180}
    return roadside_pb2.DetectedObject(local_id=local_id, **place, **motion, **shape)


def frames():
    for sequence in itertools.count():
        along_m = 1.2 * (sequence % 120) - 85  # 12 s at 10 Hz: 85 m up to the crossing and 59 m on
        cars = [car(1, 1.75, along_m - 1.75, 0), car(2, along_m + 1.75, -1.75, 90)]
        now = common_pb2.Timestamp(unix_ns=time.time_ns())
        yield roadside_pb2.RsuFrame(station_id="rsu-example", intersection_id="example", sequence=sequence, measured=now, objects=cars)
        time.sleep(0.1)


with grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051") as channel:
    for report in roadside_pb2_grpc.RoadsideServiceStub(channel).Stream(frames(), metadata=[("authorization", "Bearer example")]):
        print(report)
