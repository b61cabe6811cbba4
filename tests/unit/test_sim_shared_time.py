"""The demo's shared time: alike in both processes, standing still for whoever falls behind, never making up for it."""

import asyncio

import pytest

from v2x.arrivals import ArrivalQueue
from v2x.sim.shared_time import AWAKE_LEAD_NS, SharedClock, write_page

MS = 1_000_000
SPEED = 10


class Monotonic:
    """The machine's monotonic clock in our hand."""

    def __init__(self):
        self.ns = 5_000 * MS

    def __call__(self):
        return self.ns

    def pass_ms(self, ms):
        self.ns += round(ms * MS)


@pytest.fixture
def real(monkeypatch):
    real = Monotonic()
    monkeypatch.setattr("time.monotonic_ns", real)
    return real


@pytest.fixture
def clocks(real, tmp_path):
    """The server's and the sim's."""
    write_page(tmp_path / "time.page")
    server = SharedClock(tmp_path / "time.page", SPEED)
    real.pass_ms(7)
    return server, SharedClock(tmp_path / "time.page", SPEED)


def test_both_read_the_same_time_and_it_is_fast(real, clocks):
    server, sim = clocks
    before_ns = server.now_ns()
    assert sim.now_ns() == before_ns
    real.pass_ms(3)
    assert (server.now_ns(), sim.now_ns()) == (before_ns + 30 * MS, before_ns + 30 * MS)


def test_time_waits_for_the_sim_and_does_not_make_up_for_it(real, clocks):
    server, sim = clocks
    sim.take_over()
    server.note_awake()
    start_ns = sim.now_ns()
    sim.allow(start_ns + 20 * MS)
    real.pass_ms(100)
    assert server.now_ns() == start_ns + 20 * MS
    server.note_awake()
    sim.allow(start_ns + 60 * MS)
    assert server.now_ns() == start_ns + 20 * MS
    assert sim.slip_ns() == 980 * MS
    real.pass_ms(1)
    assert server.now_ns() == sim.now_ns() == start_ns + 30 * MS


def test_time_waits_for_a_server_that_is_held_up(real, clocks):
    server, sim = clocks
    sim.take_over()
    server.note_awake()
    start_ns = sim.now_ns()
    for _ in range(100):
        sim.allow(start_ns + 10_000 * MS)
        real.pass_ms(1)
    assert sim.now_ns() == start_ns + AWAKE_LEAD_NS
    server.note_awake()
    sim.allow(start_ns + 10_000 * MS)
    real.pass_ms(1)
    assert sim.now_ns() == start_ns + AWAKE_LEAD_NS + 10 * MS


def test_what_was_allowed_is_not_taken_back(real, clocks):
    server, sim = clocks
    sim.take_over()
    server.note_awake()
    start_ns = sim.now_ns()
    sim.allow(start_ns + 20 * MS)
    sim.allow(start_ns)
    real.pass_ms(100)
    assert server.now_ns() == start_ns + 20 * MS


def test_after_the_sim_has_let_go_time_goes_on_alone(real, clocks):
    server, sim = clocks
    sim.take_over()
    start_ns = sim.now_ns()
    real.pass_ms(100)
    sim.let_go()
    assert server.now_ns() == start_ns
    real.pass_ms(100)
    assert server.now_ns() == start_ns + 1_000 * MS


def test_no_wait_is_no_slip(real, clocks):
    server, sim = clocks
    sim.take_over()
    for _ in range(50):
        server.note_awake()
        sim.allow(sim.now_ns() + 20 * MS)
        real.pass_ms(1)
    assert sim.slip_ns() == 0


def test_a_deadline_is_a_time_of_the_clock_not_of_the_timer():
    """A clock that slowed down after the timer was set: the queue waits on."""
    readings = iter([0, 2 * MS, 4 * MS, 5 * MS])
    queue = ArrivalQueue(lambda: next(readings), speed=1000.0)
    assert asyncio.run(queue.take(5 * MS)) == []
    assert next(readings, None) is None
