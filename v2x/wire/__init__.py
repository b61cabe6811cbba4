"""Wire messages and samples: every scale and every "unavailable" code of the contract dies here.

`frames` roadside frames through the kernel `v2x._wire`, `twin` the same from generated code; `vehicles` and `signals` by generated code;
`stamps` the sender's clock forms; `arrivals` makes any logged arrival again; `scales` is the one table.
"""

from v2x._wire import ParsedFrame
from v2x.errors import WireError
from v2x.wire.arrivals import arrival
from v2x.wire.downlink import vehicle_downlink
from v2x.wire.frames import MAX_BYTES, MAX_OBJECTS, parse_rsu_frame, rsu_frame
from v2x.wire.signals import signal_sample
from v2x.wire.stamps import Stamp, StampForm, resolve_stamp, stamp_of
from v2x.wire.vehicles import bus_position, motion_sample, range_sample, range_verdicts

__all__ = [
    "MAX_BYTES",
    "MAX_OBJECTS",
    "ParsedFrame",
    "Stamp",
    "StampForm",
    "WireError",
    "arrival",
    "bus_position",
    "motion_sample",
    "parse_rsu_frame",
    "range_sample",
    "range_verdicts",
    "resolve_stamp",
    "rsu_frame",
    "signal_sample",
    "stamp_of",
    "vehicle_downlink",
]
