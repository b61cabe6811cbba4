"""What the platform asks the signals for where a dispatcher has ordered priority for a vehicle.

Rules:
* Only for vehicles in sight: whoever is not seen gets no green, and the order is not granted.
* It asks as a bus that is on time and tells its load would; that it is ordered is `PriorityServer`'s to count.
"""

from collections.abc import Mapping

import numpy as np

from intersections.signals.approaches import Observation
from intersections.signals.priority import CAPACITY_PERSONS, DRIVER_PERSONS, PriorityRequest, RequestKind, Role


def requests_for(ordered: Mapping[int, int], seen: Observation, now_ns: int) -> dict[int, PriorityRequest]:
    """By vehicle in sight. `ordered`: by vehicle, how many ride; -1: as many as the sight takes its kind to carry."""
    rows = np.flatnonzero(np.isin(seen.vehicle, list(ordered))).tolist() if ordered else []
    return {int(seen.vehicle[row]): _request(seen, row, ordered[int(seen.vehicle[row])], now_ns) for row in rows}


def _request(seen: Observation, row: int, riding: int, now_ns: int) -> PriorityRequest:
    return PriorityRequest(
        requester=int(seen.vehicle[row]),
        role=Role.TRANSIT,
        request_id=0,
        sequence=0,
        kind=RequestKind.PRIORITY_REQUEST,
        movement=int(seen.movement[row]),
        arrival_ns=now_ns,
        issued_ns=now_ns,
        persons=min(max(riding if riding >= 0 else float(seen.weight[row]) - DRIVER_PERSONS, 0.0), CAPACITY_PERSONS),
    )
