"""Dispatchers' orders of priority, given and ended at any time, and a bus that asks or does not: they are a bounded weight of that bus
while in force and in sight, and as if they had never been when they are not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from intersections.signals.layout import SECOND_NS
from intersections.signals.ordered import requests_for
from intersections.signals.priority import (
    BUS_PERSONS,
    CAPACITY_PERSONS,
    DRIVER_PERSONS,
    MOST_SCALED,
    PriorityRequest,
    PriorityServer,
    RequestKind,
    Role,
)
from tests.arrival_scenes import STRAIGHT, crossing, observed

BUS, OTHER = 7, 3
LEAST, MOST = BUS_PERSONS, (CAPACITY_PERSONS + DRIVER_PERSONS) * MOST_SCALED

asked = st.builds(
    lambda lateness_s, headway_ratio, persons: {"lateness_s": lateness_s, "headway_ratio": headway_ratio, "persons": persons},
    st.floats(-600.0, 3600.0),
    st.floats(0.0, 10.0),
    st.floats(0.0, CAPACITY_PERSONS),
)
looks = st.lists(  # seconds since the look before, whether an order is in force and how many ride, what the bus asks
    st.tuples(st.sampled_from([1, 2, 12]), st.none() | st.integers(-1, 1000), st.none() | asked), min_size=1, max_size=20
)


@given(looks, st.booleans(), st.sets(st.sampled_from([BUS, OTHER])))
def test_orders_weigh_within_bounds_and_leave_nothing_behind(looks, ordered_other, entitled):
    ruled, free = (PriorityServer(crossing(), lambda requester, _role: requester in entitled) for _ in range(2))
    now_s = 0
    for number, (after_s, riding, wish) in enumerate(looks):
        now_s += after_s
        seen = observed(float(now_s), [(BUS, 1, STRAIGHT, 60.0, 10.0), (OTHER, 1, STRAIGHT, 90.0, 10.0)])
        now_ns = seen.now_ns
        if wish is not None:
            request = PriorityRequest(BUS, Role.TRANSIT, 1, number, RequestKind.PRIORITY_REQUEST, STRAIGHT, now_ns + SECOND_NS, now_ns)
            for server in (ruled, free):
                server.receive((replace(request, **wish),), now_ns)
        orders = {} if riding is None else {BUS: riding} | ({OTHER + 1: riding} if ordered_other else {})
        ruled.observe(seen, now_ns, requests_for(orders, seen, now_ns))
        free.observe(seen, now_ns)
        (bus, other), (usual, unchanged) = ruled.weights(seen).tolist(), free.weights(seen).tolist()
        assert other == unchanged
        if riding is None or BUS not in entitled:
            assert bus == usual
            assert ruled.granted_orders == ()
        else:
            assert max(LEAST, usual) <= bus <= MOST
            assert ruled.granted_orders == (BUS,)
