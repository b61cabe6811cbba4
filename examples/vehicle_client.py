"""A connected vehicle in 20 lines: drives north through the packaged example crossing and is told where it is. Needs `v2x serve`."""

import itertools
import sys
import time

import grpc

from v2x.v1 import common_pb2, vehicle_pb2, vehicle_pb2_grpc


def messages():
    yield vehicle_pb2.VehicleUplink(request=vehicle_pb2.VehicleRequest(position_rate_dhz=20))  # twice a second
    for sequence in itertools.count():
        north_m = 1.2 * (sequence % 120) - 85  # 12 m/s, ten samples a second
        place = common_pb2.Position(latitude_e7=320300000 + round(90.18 * north_m), longitude_e7=1186900000 + round(105.86 * 1.75))
        fix = vehicle_pb2.GnssFix(position=place, status=vehicle_pb2.FIX_STATUS_DIFFERENTIAL, accuracy_cm=150, satellites_used=14)
        now = common_pb2.Timestamp(unix_ns=time.time_ns())
        motion = {"speed": round(12 / 0.02), "heading": 0, "yaw_rate": 0, "object_class": common_pb2.OBJECT_CLASS_CAR}
        yield vehicle_pb2.VehicleUplink(
            sample=vehicle_pb2.VehicleSample(temporary_id="car-1", sequence=sequence, measured=now, fix=fix, **motion)
        )
        time.sleep(0.1)


with grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051") as channel:
    for told in vehicle_pb2_grpc.VehicleServiceStub(channel).Stream(messages()):
        print(told)
