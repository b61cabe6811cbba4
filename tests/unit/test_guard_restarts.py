"""Restarts from a snapshot, on the crossing of `signal_layouts`: main and left are green from 14 to 34 s."""

import json

import pytest

from intersections.signals.control import GuardMode
from intersections.signals.guard import Guard
from intersections.signals.guard_words import GuardAct, Refusal
from intersections.signals.layout import SECOND_NS, TICK_NS
from tests.guard_road import AUTHORS, BEGIN_NS, Road, ns
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing


def road_at(second=20):
    road = Road()
    road.run(second)
    return road


def restarted(road, away_ns=0, edit=None):
    snapshot = json.loads(json.dumps(road.guard.snapshot()))
    if edit:
        edit(snapshot)
    guard = Guard(crossing(), BEGIN_NS, AUTHORS)
    return guard, guard.restore(snapshot, road.now_ns + away_ns)


def test_a_guard_goes_on_from_its_snapshot_as_if_nothing_had_been():
    road = road_at()
    road.commit(MAIN | LEFT, SIDE | WALK, 25, 31)
    road.run(33, calls=MAIN)
    guard, restored = restarted(road, 3 * TICK_NS)
    assert restored
    for second in range(34, 120):
        assert guard.step(ns(second - 0.5)) == road.guard.step(ns(second - 0.5))
        assert guard.step(ns(second)) == road.guard.step(ns(second))


@pytest.mark.parametrize("away_ns", [5 * TICK_NS + 1, 3_600 * SECOND_NS, -1])
def test_a_guard_that_was_away_too_long_starts_as_after_power_up(away_ns):
    road = road_at()
    road.want(SIDE, sequence=9)
    guard, restored = restarted(road, away_ns)
    assert restored
    shown = guard.step(road.now_ns + away_ns)
    assert shown.mode is GuardMode.FLASHING
    assert shown.earliest_end_ns[0] == road.now_ns + away_ns + 5 * SECOND_NS
    road.guard, road.now_ns = guard, road.now_ns + away_ns
    start_s = road.second
    road.run(start_s + 14)
    assert road.last.mode is GuardMode.LOCAL
    assert road.want(SIDE, sequence=9) is Refusal.DUPLICATE


@pytest.mark.parametrize("second", [10, 36, 38.5, 53])
def test_a_guard_is_restarted_whatever_its_lamps_show(second):
    """All-red, yellow, red-yellow, yellow and clearance."""
    road = road_at(second)
    guard, restored = restarted(road)
    assert restored
    assert guard.step(road.now_ns + TICK_NS) == road.step()


@pytest.mark.parametrize("away_ns", [0, 5 * TICK_NS])
def test_a_guard_that_was_away_for_no_more_than_half_a_second_goes_on(away_ns):
    guard, _ = restarted(road := road_at(), away_ns)
    assert guard.step(road.now_ns + away_ns).mode is GuardMode.LOCAL


@pytest.mark.parametrize("away_ns", [0, 3_600 * SECOND_NS])
def test_a_fault_outlives_a_restart(away_ns):
    road = road_at()
    road.step(passed_ns=SECOND_NS)
    guard, restored = restarted(road, away_ns)
    assert restored
    assert guard.step(road.now_ns + away_ns + TICK_NS).mode is GuardMode.FAULT
    guard.take_events()
    assert guard.reset("planner", road.now_ns + away_ns + TICK_NS) is Refusal.ACCEPTED
    assert guard.take_events()[0].reason == "WATCHDOG"


def test_counts_outlive_a_restart_and_a_fault():
    road = road_at()
    road.want(MAIN | SIDE)
    guard, _ = restarted(road, 3_600 * SECOND_NS)
    assert guard.refused == {Refusal.CONFLICT: 1}


def _in_state(name, value):
    def edit(snapshot):
        snapshot["state"][name] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        lambda snapshot: snapshot.update(layout=1),
        lambda snapshot: snapshot.pop("layout"),
        lambda snapshot: snapshot.pop("state"),
        lambda snapshot: snapshot.update(state=[]),
        lambda snapshot: snapshot["state"].pop("mode"),
        lambda snapshot: snapshot["state"].update(more=1),
        lambda snapshot: snapshot["state"]["lamp"].append(0),
        lambda snapshot: snapshot["state"]["refused"].pop(),
        lambda snapshot: snapshot["state"]["at"].append(0),
        _in_state("lamp", [2, 2, 2, 0]),  # not as the masks say
        _in_state("at", [13, 0, 3, 0]),
        _in_state("since_ns", (0, 0, 0, 0)),
        _in_state("since_ns", [0, 0, 0, 0.5]),
        _in_state("t_ns", None),
        _in_state("t_ns", 0.5),
        _in_state("author", 1),
        _in_state("sequences", []),
        _in_state("sequences", {"planner": "1"}),
        _in_state("mode", 5),
        _in_state("fault", 5),
        _in_state("local", 2),
        _in_state("local", -2),
        lambda snapshot: snapshot["state"].update(lamp=[2, 2, 2, 0], at=[8, 0, 7, 0]),  # conflicting greens
        lambda snapshot: snapshot["state"].update(lamp=[3, 2, 1, 0], at=[8, 4, 2, 1]),
    ],
)
def test_a_snapshot_that_is_not_this_guards_is_refused_and_changes_nothing(edit):
    road = road_at()
    guard, restored = restarted(road, 0, edit)
    assert not restored
    assert [event.act for event in guard.take_events()] == [GuardAct.SNAPSHOT_REFUSED]
    assert guard.step(BEGIN_NS).mode is GuardMode.FLASHING
    assert guard.step(BEGIN_NS + TICK_NS) == Road().step()


@pytest.mark.parametrize(
    "edit", [_in_state("local", 1), _in_state("local", -1), _in_state("sequences", {"planner": 3}), _in_state("author", "")]
)
def test_a_snapshot_that_could_be_this_guards_is_taken(edit):
    _, restored = restarted(road_at(), 0, edit)
    assert restored


def test_a_snapshot_shares_nothing_with_the_guard():
    road = road_at()
    snapshot = road.guard.snapshot()
    kept = json.dumps(snapshot)
    other = Guard(crossing(), BEGIN_NS, AUTHORS)
    assert other.restore(snapshot, road.now_ns)
    road.run(40, calls=SIDE)
    road.want(MAIN | SIDE)
    other.step(ns(20.1), SIDE)
    assert json.dumps(snapshot) == kept
