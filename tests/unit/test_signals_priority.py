"""Bus priority: what is asked, what is granted or refused and why, and that a flood of requests changes nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from intersections.signals.layout import SECOND_NS
from intersections.signals.ordered import requests_for
from intersections.signals.priority import (
    BURST,
    BUS_PERSONS,
    LEASE_NS,
    PRESENCE_NS,
    REQUESTS,
    RESERVICE_NS,
    PriorityRequest,
    PriorityServer,
    Reason,
    RequestKind,
    RequestStatus,
    Role,
    weight,
)
from tests.arrival_scenes import STRAIGHT, crossing, observed

BUS = 7


def server(*allowed: int) -> PriorityServer:
    return PriorityServer(crossing(), lambda requester, _role: not allowed or requester in allowed)


def request(now_s: float = 0.0, **changed: Any) -> PriorityRequest:
    now_ns = round(now_s * SECOND_NS)
    return replace(
        PriorityRequest(BUS, Role.TRANSIT, 1, 0, RequestKind.PRIORITY_REQUEST, STRAIGHT, now_ns + 20 * SECOND_NS, now_ns, persons=30.0),
        **changed,
    )


def asked(server: PriorityServer, now_s: float = 0.0, **changed: Any) -> Reason:
    return server.receive((request(now_s, **changed),), round(now_s * SECOND_NS))[0].reason


@pytest.mark.parametrize(
    ("told", "reason", "status", "persons"),
    [
        ({}, Reason.ON_TIME, RequestStatus.GRANTED, BUS_PERSONS),
        ({"persons": 79.0}, Reason.ON_TIME, RequestStatus.GRANTED, 80.0),
        ({"persons": 79.0, "lateness_s": 150.0}, Reason.LATE, RequestStatus.GRANTED, 80.0 * 1.5),
        ({"lateness_s": 3000.0}, Reason.LATE, RequestStatus.GRANTED, BUS_PERSONS * 2.0),
        ({"headway_ratio": 2.5, "lateness_s": 300.0}, Reason.LATE, RequestStatus.GRANTED, BUS_PERSONS * 3.0),
        ({"headway_ratio": 1.4, "lateness_s": -20.0}, Reason.LATE, RequestStatus.GRANTED, BUS_PERSONS * 1.4),
        ({"lateness_s": -90.0}, Reason.EARLY, RequestStatus.REJECTED, 31.0),
        ({"headway_ratio": 0.2, "lateness_s": 100.0}, Reason.BUNCHED, RequestStatus.REJECTED, 31.0),
        ({"persons": 0.0}, Reason.ON_TIME, RequestStatus.GRANTED, BUS_PERSONS),
        ({"persons": 0.0, "lateness_s": -90.0}, Reason.EARLY, RequestStatus.REJECTED, 1.0),
        ({"persons": 0.0, "lateness_s": 240.0}, Reason.LATE, RequestStatus.GRANTED, BUS_PERSONS * 1.8),
    ],
)
def test_conditions_of_lateness_headway_and_load(told: dict[str, float], reason: Reason, status: RequestStatus, persons: float) -> None:
    priority = server()
    answer = priority.receive((request(**told),), 0)[0]
    assert (answer.reason, answer.status) == (reason, status)
    seen = observed(0.0, [(3, 1, STRAIGHT, 60.0, 10.0), (BUS, 1, STRAIGHT, 90.0, 10.0)])
    assert priority.weights(seen).tolist() == pytest.approx([1.4, persons])


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"requester": 99}, Reason.UNAUTHORISED),
        ({"movement": 4}, Reason.MALFORMED),
        ({"movement": -1}, Reason.MALFORMED),
        ({"persons": float("nan")}, Reason.MALFORMED),
        ({"persons": 5000.0}, Reason.MALFORMED),
        ({"request_id": 256}, Reason.MALFORMED),
        ({"sequence": 128}, Reason.MALFORMED),
        ({"arrival_ns": 3600 * SECOND_NS}, Reason.MALFORMED),
        ({"issued_ns": -3 * SECOND_NS}, Reason.STALE),
        ({"issued_ns": 3 * SECOND_NS}, Reason.STALE),
        ({"kind": RequestKind.PRIORITY_CANCELLATION}, Reason.UNKNOWN_REQUEST),
    ],
)
def test_refused_requests_are_counted_and_leave_nothing_behind(told: dict[str, Any], reason: Reason) -> None:
    priority = server(BUS)
    assert asked(priority, **told) is reason
    assert priority.counts == {reason: 1}
    assert not priority.responses()
    assert priority.weights(observed(0.0, [(BUS, 1, STRAIGHT, 60.0, 10.0)])).tolist() == [1.4]


def test_duplicates_and_older_sequences_change_nothing() -> None:
    priority = server()
    asked(priority, 0.0, sequence=127)
    assert asked(priority, 1.0, sequence=127, persons=90.0) is Reason.DUPLICATE
    assert asked(priority, 1.0, sequence=126, persons=90.0) is Reason.OUT_OF_ORDER
    assert asked(priority, 1.0, sequence=0, issued_ns=-1, persons=90.0) is Reason.OUT_OF_ORDER
    assert priority.weights(observed(1.0, [(BUS, 1, STRAIGHT, 60.0, 10.0)])).tolist() == [BUS_PERSONS]
    assert asked(priority, 1.0, sequence=0, persons=60.0) is Reason.ON_TIME  # the counter runs round
    assert priority.weights(observed(1.0, [(BUS, 1, STRAIGHT, 60.0, 10.0)])).tolist() == [61.0]


def test_a_hundred_requests_a_second_serve_as_one_a_second_does() -> None:
    """Ten seconds at 100 Hz, each with a new sequence number: two a second are looked at after the first burst, the rest is counted."""
    flooded, calm = server(), server()
    seen = observed(0.0, [(BUS, 1, STRAIGHT, 60.0, 10.0)])
    for tick in range(1000):
        asked(flooded, tick / 100, sequence=tick % 128)
        if tick % 100 == 0:
            asked(calm, tick / 100, sequence=tick // 100)
        assert flooded.weights(seen).tolist() == calm.weights(seen).tolist()
    served = flooded.counts[Reason.ON_TIME]
    assert served <= BURST + 2 * 10
    assert served + flooded.counts[Reason.TOO_OFTEN] + flooded.counts[Reason.OUT_OF_ORDER] == 1000
    assert len(flooded.responses()) == 1


def test_a_cancelled_request_counts_no_more_and_is_not_served_again_at_once() -> None:
    priority, seen = server(), observed(1.0, [(BUS, 1, STRAIGHT, 60.0, 10.0)])
    asked(priority, 0.0)
    assert asked(priority, 1.0, sequence=1, kind=RequestKind.PRIORITY_CANCELLATION) is Reason.CANCELLED
    assert priority.weights(seen).tolist() == [1.4]
    answer = priority.receive((request(2.0, request_id=2),), 2 * SECOND_NS)[0]
    assert (answer.status, answer.reason) == (RequestStatus.RESERVICE_LOCKED, Reason.SERVED_BEFORE)
    later_s = 1.0 + RESERVICE_NS / SECOND_NS
    priority.observe(None, round(later_s * SECOND_NS))
    assert asked(priority, later_s, request_id=3) is Reason.ON_TIME


def test_a_bus_that_has_crossed_has_passed() -> None:
    priority = server()
    asked(priority)
    priority.observe(observed(1.0, [(BUS, 1, STRAIGHT, 20.0, 10.0)]), SECOND_NS)
    priority.observe(observed(3.0), 3 * SECOND_NS)
    assert [answer.reason for answer in priority.responses()] == [Reason.PASSED]


def test_a_bus_lost_from_sight_far_away_has_not_passed() -> None:
    priority = server()
    asked(priority)
    priority.observe(observed(1.0, [(BUS, -1, STRAIGHT, 200.0, 10.0)]), SECOND_NS)
    priority.observe(observed(3.0), 3 * SECOND_NS)
    assert [answer.reason for answer in priority.responses()] == [Reason.ON_TIME]


def test_silence_withdraws_and_may_ask_again() -> None:
    priority = server()
    asked(priority)
    priority.observe(None, LEASE_NS + 1)
    assert [answer.reason for answer in priority.responses()] == [Reason.SILENT]
    assert asked(priority, 11.0, sequence=1) is Reason.ON_TIME


def test_who_does_not_pass_in_time_has_been_present_too_long() -> None:
    priority = server()
    for second in range(0, PRESENCE_NS // SECOND_NS + 4, 2):
        asked(priority, float(second), sequence=second // 2 % 128)
        priority.observe(None, second * SECOND_NS)
    assert [answer.status for answer in priority.responses()] == [RequestStatus.MAX_PRESENCE]


def test_requesters_are_bounded() -> None:
    priority = server()
    for requester in range(REQUESTS + 10):
        asked(priority, requester=requester)
    assert priority.counts[Reason.FULL] == 10
    assert len(priority.responses()) == REQUESTS


def test_weight_never_exceeds_its_bound() -> None:
    lateness_s, ratio = np.meshgrid([-1e9, -60.0, 0.0, 59.9, 300.0, 1e9], [0.0, 0.4, 1.0, 1.5, 1e9])
    for late, headway in zip(lateness_s.ravel(), ratio.ravel(), strict=True):
        assert 81.0 <= weight(request(lateness_s=late, headway_ratio=headway, persons=80.0)) <= 243.0


def look(server: PriorityServer, now_s: float, ordered: dict[int, int], distance_m: float = 60.0) -> float:
    """The bus's weight after a look at it while orders are in force."""
    seen = observed(now_s, [(BUS, 1, STRAIGHT, distance_m, 10.0)])
    server.observe(seen, seen.now_ns, requests_for(ordered, seen, seen.now_ns))
    return float(server.weights(seen)[0])


def test_a_dispatchers_order_counts_as_late_while_it_is_in_force() -> None:
    priority = server()
    asked(priority, lateness_s=-90.0)
    assert look(priority, 0.0, {}) == 31.0  # early: refused
    assert look(priority, 1.0, {BUS: 30}) == BUS_PERSONS * 2.0
    assert [(one.status, one.reason) for one in priority.responses()] == [(RequestStatus.GRANTED, Reason.ORDERED)]
    assert priority.granted_orders == (BUS,)
    assert asked(priority, 2.0, sequence=1, lateness_s=-90.0) is Reason.ORDERED
    assert look(priority, 3.0, {}) == 31.0
    assert priority.granted_orders == ()
    assert [one.reason for one in priority.responses()] == [Reason.EARLY]


def test_the_platform_asks_for_a_bus_that_asks_nothing_and_takes_it_back_with_the_order() -> None:
    priority = server()
    assert look(priority, 0.0, {BUS: 79}) == 160.0
    assert priority.granted_orders == (BUS,)
    for second in range(1, 30):  # no lease: the order itself lasts
        assert look(priority, second, {BUS: 79}) == 160.0
    assert look(priority, 30.0, {}) == 1.4
    assert priority.responses() == ()


def test_an_order_for_a_bus_that_may_not_ask_or_is_not_in_sight_changes_nothing() -> None:
    strangers = server(99)
    assert look(strangers, 0.0, {BUS: 79}) == 1.4
    assert strangers.granted_orders == ()
    elsewhere = server()
    assert look(elsewhere, 0.0, {BUS + 1: 79}) == 1.4
    assert elsewhere.granted_orders == ()


def test_an_order_is_no_preemption_and_ends_none() -> None:
    priority = server()
    asked(priority, role=Role.AMBULANCE)
    look(priority, 1.0, {BUS: 79})
    assert [live.request.role for live in priority.preemptions()] == [Role.AMBULANCE]
    assert priority.granted_orders == ()


def test_an_ordered_bus_that_has_passed_is_not_asked_for_again_at_once() -> None:
    priority = server()
    look(priority, 0.0, {BUS: 79}, distance_m=20.0)
    look(priority, 1.0, {BUS: 79}, distance_m=10.0)
    away = observed(2.0, [])
    priority.observe(away, away.now_ns, {})
    assert look(priority, 3.0, {BUS: 79}) == 1.4


def test_orders_survive_a_snapshot() -> None:
    priority = server()
    look(priority, 0.0, {BUS: 79})
    again = server()
    again.restore(priority.snapshot())
    assert again.snapshot() == priority.snapshot()
    assert look(again, 1.0, {}) == look(priority, 1.0, {}) == 1.4
