"""Preemption on a crossing of two conflicting groups: who is served, in which order, and the way back."""

from dataclasses import replace
from typing import Any

from intersections.signals.approaches import Observation
from intersections.signals.control import Shown
from intersections.signals.layout import SECOND_NS
from intersections.signals.preemption import BACK_NS, Preemption
from intersections.signals.priority import PriorityRequest, PriorityServer, Reason, RequestKind, RequestStatus, Role
from tests.arrival_scenes import LEFT, RIGHT, SOUTH, SOUTH_GREEN, STRAIGHT, WEST_GREEN, crossing, layout, observed, shown

AMBULANCE, FIRE = 100, 101


class Scene:
    """A server and a preemption that are stepped by hand; the lamps are whatever the test says they are."""

    def __init__(self) -> None:
        self.server = PriorityServer(crossing(), lambda _requester, _role: True)
        self.preemption = Preemption(crossing(), layout())
        self.sequence = 0

    def ask(self, now_s: float, requester: int, movement: int, in_s: float, **changed: Any) -> None:
        self.sequence += 1
        now_ns = round(now_s * SECOND_NS)
        request = PriorityRequest(
            requester,
            Role.AMBULANCE,
            requester % 256,
            self.sequence,
            RequestKind.PRIORITY_REQUEST,
            movement,
            now_ns + round(in_s * SECOND_NS),
            now_ns,
        )
        self.server.receive((replace(request, **changed),), now_ns)

    def greens(self, now_s: float, lit: int, seen: Observation | None = None) -> int:
        """What is commanded, 0: nothing."""
        self.server.observe(seen, round(now_s * SECOND_NS))
        command = self.preemption.command(self.server.preemptions(), seen, _shown(now_s, lit))
        return command.greens if command else 0

    def status(self, requester: int) -> tuple[RequestStatus, Reason]:
        return next((answer.status, answer.reason) for answer in self.server.responses() if answer.requester == requester)


def _shown(now_s: float, lit: int, since_s: float | None = None) -> Shown:
    since_ns = round((now_s if since_s is None else since_s) * SECOND_NS)
    return replace(shown(now_s, lit), since_ns=(since_ns, since_ns))


def test_nobody_asks_nothing_is_commanded() -> None:
    assert Scene().greens(0.0, WEST_GREEN) == 0


def test_the_way_is_cleared_only_when_it_is_time() -> None:
    """South must open 3 s intergreen + 3 s lost + 10 s before it comes; 40 s before nobody else needs to stand yet."""
    scene = Scene()
    scene.ask(0.0, AMBULANCE, SOUTH, 40.0)
    assert scene.greens(0.0, WEST_GREEN) == 0
    assert scene.status(AMBULANCE) == (RequestStatus.REQUESTED, Reason.FAR)
    scene.ask(9.0, AMBULANCE, SOUTH, 16.1)
    assert scene.greens(9.0, WEST_GREEN) == 0
    assert scene.greens(9.1, WEST_GREEN) == SOUTH_GREEN
    assert scene.status(AMBULANCE) == (RequestStatus.PROCESSING, Reason.PREEMPTS)
    assert scene.greens(15.0, SOUTH_GREEN) == SOUTH_GREEN
    assert scene.status(AMBULANCE) == (RequestStatus.GRANTED, Reason.CLEARED)


def test_a_queue_ahead_is_given_time_to_leave() -> None:
    """Ten standing cars need 20 s more."""
    queue = observed(0.0, [(row, 2, SOUTH, 7.5 * row, 0.0) for row in range(10)])
    scene = Scene()
    scene.ask(0.0, AMBULANCE, SOUTH, 35.0)
    assert scene.greens(0.0, WEST_GREEN, queue) == SOUTH_GREEN
    empty = Scene()
    empty.ask(0.0, AMBULANCE, SOUTH, 35.0)
    assert empty.greens(0.0, WEST_GREEN, observed(0.0)) == 0


def test_of_two_conflicting_the_first_comes_first() -> None:
    scene = Scene()
    scene.ask(0.0, AMBULANCE, SOUTH, 4.0)
    scene.ask(0.1, FIRE, STRAIGHT, 2.0)
    assert scene.greens(0.1, WEST_GREEN) == SOUTH_GREEN
    assert scene.status(FIRE) == (RequestStatus.WATCH_OTHER_TRAFFIC, Reason.OTHER_PREEMPTION)
    scene.ask(3.0, AMBULANCE, SOUTH, 1.0, kind=RequestKind.PRIORITY_CANCELLATION)
    assert scene.greens(3.0, SOUTH_GREEN) == WEST_GREEN


def test_of_two_conflicting_the_more_important_comes_first() -> None:
    scene = Scene()
    scene.ask(0.0, AMBULANCE, SOUTH, 4.0, importance=3)
    assert scene.greens(0.0, WEST_GREEN) == SOUTH_GREEN
    scene.ask(0.1, FIRE, STRAIGHT, 4.0, importance=9)
    assert scene.greens(0.1, WEST_GREEN) == WEST_GREEN
    assert scene.status(AMBULANCE) == (RequestStatus.WATCH_OTHER_TRAFFIC, Reason.OTHER_PREEMPTION)


def test_two_that_do_not_conflict_are_both_served() -> None:
    scene = Scene()
    scene.ask(0.0, AMBULANCE, LEFT, 4.0)
    scene.ask(0.0, FIRE, RIGHT, 4.0)
    assert scene.greens(0.0, WEST_GREEN) == WEST_GREEN
    assert scene.status(AMBULANCE)[0] is scene.status(FIRE)[0] is RequestStatus.GRANTED


def test_it_lasts_until_the_vehicle_has_passed_and_those_who_stood_go_first() -> None:
    """Three cars stood at the west: 3 + 3 * 2 = 9 s of green are owed to them."""
    scene, west = Scene(), [(row, 1, STRAIGHT, 7.5 * row, 0.0) for row in range(3)]
    scene.ask(0.0, AMBULANCE, SOUTH, 5.0)
    assert scene.greens(0.0, SOUTH_GREEN, observed(0.0, [*west, (AMBULANCE, 2, SOUTH, 30.0, 10.0)])) == SOUTH_GREEN
    assert scene.greens(4.0, SOUTH_GREEN, observed(4.0, west)) == WEST_GREEN
    assert scene.status(AMBULANCE)[1] is Reason.PASSED

    def later(now_s: float) -> bool:
        return scene.preemption.command((), observed(now_s, west), _shown(now_s, WEST_GREEN, since_s=7.0)) is not None

    assert later(15.9)
    assert not later(16.0)
    assert not later(16.1)


def test_nobody_stood_so_the_planner_has_its_say_at_once() -> None:
    scene = Scene()
    scene.ask(0.0, AMBULANCE, SOUTH, 5.0)
    assert scene.greens(0.0, SOUTH_GREEN, observed(0.0, [(AMBULANCE, 2, SOUTH, 30.0, 10.0)])) == SOUTH_GREEN
    assert scene.greens(4.0, SOUTH_GREEN, observed(4.0)) == 0


def test_the_way_back_ends_even_if_the_lamps_never_follow() -> None:
    scene = Scene()
    scene.ask(0.0, AMBULANCE, SOUTH, 5.0)
    assert scene.greens(0.0, SOUTH_GREEN) == SOUTH_GREEN
    assert scene.greens(11.0, SOUTH_GREEN) == WEST_GREEN  # silent: withdrawn; nothing known: whatever was closed is owed its minimum
    assert scene.greens(11.0 + BACK_NS / SECOND_NS, SOUTH_GREEN) == 0
