"""Preemption through the guard under any requests: never conflicting greens, never a command the guard must refuse, always a way back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from intersections.signals.control import AUTHORS
from intersections.signals.guard import Guard
from intersections.signals.guard_words import Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS
from intersections.signals.preemption import BACK_NS, Preemption
from intersections.signals.priority import LEASE_NS, PriorityRequest, PriorityServer, RequestKind, RequestStatus, Role
from tests.arrival_scenes import crossing, layout

requests = st.tuples(
    st.integers(0, 3),  # requester
    st.integers(0, 3),  # movement
    st.sampled_from([RequestKind.PRIORITY_REQUEST, RequestKind.PRIORITY_REQUEST, RequestKind.PRIORITY_CANCELLATION]),
    st.integers(-5, 60),  # s till it comes
    st.integers(0, 14),
    st.integers(0, 80),  # ticks till the next
)


class Signals:
    def __init__(self) -> None:
        self.layout = layout()
        self.server = PriorityServer(crossing(), lambda _requester, _role: True)
        self.preemption = Preemption(crossing(), self.layout)
        self.guard = Guard(self.layout, 0, AUTHORS)
        self.shown = self.guard.step(0)

    def tick(self) -> bool:
        """Whether the preemption has its say."""
        now_ns = self.shown.now_ns + TICK_NS
        self.server.observe(None, now_ns)
        command = self.preemption.command(self.server.preemptions(), None, self.shown)
        if command is not None:
            assert self.guard.command(command, now_ns) in (Refusal.ACCEPTED, Refusal.NOT_IN_SERVICE)
        self.shown = self.guard.step(now_ns)
        assert not self.layout.clash(self.shown.greens)
        granted = [live.request.movement for live in self.server.preemptions() if live.status is RequestStatus.GRANTED]
        needed = [int(crossing().connection_group[crossing().connection_movement == movement][0]) for movement in granted]
        assert not self.layout.clash(sum(1 << group for group in set(needed)))
        return command is not None


@settings(max_examples=40, deadline=None)
@given(st.lists(requests, max_size=25))
def test_any_requests_keep_the_greens_apart_and_end(asked: list[tuple[int, int, RequestKind, int, int, int]]) -> None:
    signals = Signals()
    for number, (requester, movement, kind, in_s, importance, ticks) in enumerate(asked):
        now_ns = signals.shown.now_ns
        words = (requester, Role.AMBULANCE, 1, number % 128, kind, movement, now_ns + in_s * SECOND_NS, now_ns, importance)
        signals.server.receive((PriorityRequest(*words),), now_ns)
        for _ in range(ticks):
            signals.tick()
    for _ in range((LEASE_NS + BACK_NS) // TICK_NS + 2):
        signals.tick()
    assert not signals.tick()
