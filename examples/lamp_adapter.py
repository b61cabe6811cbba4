"""A signal controller's adapter in 30 lines: shows what the guard commands and says so; alone it flashes. Needs `v2x serve --signals`.

python examples/lamp_adapter.py INTERSECTION ns,ew,walk [HOST:PORT [TOKEN]]
"""

import sys
import time

import grpc

from v2x.v1 import common_pb2, signal_pb2, signal_pb2_grpc

intersection, names = sys.argv[1:3]
address, token = (sys.argv[3:] + ["127.0.0.1:50051", ""][len(sys.argv[3:]) :])[:2]
flashing = dict.fromkeys(names.split(","), signal_pb2.PHASE_STATE_CAUTION_CONFLICTING_TRAFFIC)
told = signal_pb2.SignalCommand()  # the latest command; at first none, valid until 1970


def lamps() -> dict[str, int]:
    """Here the lamps would be switched. A command that is no longer valid is not obeyed: flash, or run a local plan of your own."""
    valid = told.valid_until_unix_ns > time.time_ns()
    return flashing | {group.group_id: group.state for group in told.groups} if valid else flashing


def states():
    for sequence in range(1 << 32):
        groups = [signal_pb2.SignalGroupState(group_id=name, state=state) for name, state in lamps().items()]
        now = common_pb2.Timestamp(unix_ns=time.time_ns())
        yield signal_pb2.SignalState(intersection_id=intersection, sequence=sequence, measured=now, groups=groups)
        time.sleep(0.05)  # at least each 100 ms


with grpc.insecure_channel(address) as channel:
    for command in signal_pb2_grpc.SignalServiceStub(channel).Stream(states(), metadata=[("authorization", f"Bearer {token}")]):
        if command.mode != told.mode:
            print(signal_pb2.ControlMode.Name(command.mode), flush=True)
        told = command
