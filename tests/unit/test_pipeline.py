"""The road's own promises: log first, arrivals in order, one quiet intersection at a time, a digest that tells."""

import pytest

from intersections.decisions import TrackReport, Warning
from tests.decided import tracks, warning
from tests.road import PERIOD_NS, START_NS, TallyIntersection, command_arrival, tally_step
from v2x import pipeline as pipeline_module
from v2x.clock import SetClock
from v2x.pipeline import NoLog, Pipeline


class Diary:
    """A log, a sink and a step function that write down who was called when."""

    def __init__(self):
        self.lines = []
        self.states = []
        self.wanted = False

    def wants_state(self, now_ns):
        return self.wanted

    def write_state(self, state):
        self.lines.append("state")
        self.states.append(state)

    def write_step(self, now_ns, arrivals):
        self.lines.append(f"log {len(arrivals)}")

    def publish(self, decisions, now_ns):
        self.lines.append(f"publish {len(decisions)}")

    def step(self, intersection, samples, now_ns):
        self.lines.append(f"step {intersection.name} {' '.join(sample.id for sample in samples)}".rstrip())
        return tally_step(intersection, samples, now_ns)


@pytest.fixture
def diary(monkeypatch):
    diary = Diary()
    monkeypatch.setattr(pipeline_module, "step", diary.step)
    return diary


def make_pipeline(diary, names=("north", "south")):
    return Pipeline({name: TallyIntersection(name) for name in names}, diary, [diary])


def test_a_step_is_logged_before_it_takes_effect_and_published_after(diary):
    road = make_pipeline(diary, ["north"])
    road.step(START_NS, [command_arrival(1)])
    assert diary.lines == ["log 1", "step north c1", "publish 1"]


def test_arrivals_are_stepped_together_by_intersection_in_order(diary):
    road = make_pipeline(diary)
    road.step(START_NS, [command_arrival(1, "south"), command_arrival(2, "north"), command_arrival(3, "south")])
    assert [line for line in diary.lines if line.startswith("step")] == ["step south c1 c3", "step north c2"]


def test_what_an_intersection_decided_is_published_before_the_next_is_stepped(diary):
    road = make_pipeline(diary)
    road.step(START_NS, [command_arrival(1, "south"), command_arrival(2, "north")])
    assert diary.lines == ["log 2", "step south c1", "publish 1", "step north c2", "publish 1"]


def test_reports_are_told_after_everything_else(diary, monkeypatch):
    def warn_and_report(intersection, samples, now_ns):
        return [warning(), tracks()], now_ns + PERIOD_NS

    monkeypatch.setattr(pipeline_module, "step", warn_and_report)
    decided = make_pipeline(diary).step(START_NS, [command_arrival(1, "south"), command_arrival(2, "north")])
    assert diary.lines == ["log 2", "publish 1", "publish 1", "publish 1", "publish 1"]
    assert [type(decision) for decision in decided] == [Warning, Warning, TrackReport, TrackReport]


def test_one_quiet_intersection_a_step_the_longest_due_first(diary):
    road = make_pipeline(diary)
    road.step(START_NS, [])
    road.step(START_NS + 1, [])
    assert [line for line in diary.lines if line.startswith("step")] == ["step north", "step south"]
    road.step(START_NS + 2, [])
    assert diary.lines[-1] == "log 0", "nobody is due before the next period"
    assert road.next_deadline_ns == START_NS + PERIOD_NS


def test_a_quiet_intersection_is_stepped_beside_a_busy_one(diary):
    road = make_pipeline(diary)
    road.step(START_NS, [])
    road.step(START_NS + 1, [command_arrival(1, "north")])
    assert diary.lines[-4:] == ["step north c1", "publish 1", "step south", "publish 1"]


def test_a_state_is_taken_before_the_step_that_follows_it(diary):
    road = make_pipeline(diary)
    road.step(START_NS, [])
    diary.wanted = True
    road.step(START_NS + PERIOD_NS, [])
    assert diary.lines[3:5] == ["state", "log 0"]
    assert diary.states[0].decisions == 1
    assert diary.states[0].intersections["north"]["tally"].tolist() == [1, 0]


def test_a_failing_step_ends_the_road_with_its_input_in_the_log(monkeypatch):
    def fail(intersection, samples, now_ns):
        raise AssertionError("a defect")

    diary = Diary()
    monkeypatch.setattr(pipeline_module, "step", fail)
    with pytest.raises(AssertionError, match="a defect"):
        make_pipeline(diary).step(START_NS, [command_arrival(1)])
    assert diary.lines == ["log 1"]


def test_equal_steps_give_equal_digests_and_others_do_not(diary):
    roads = [make_pipeline(diary) for _ in range(3)]
    for road in roads[:2]:
        road.step(START_NS, [command_arrival(1)])
    roads[2].step(START_NS + 1, [command_arrival(1)])
    assert roads[0].digest == roads[1].digest != roads[2].digest


def test_a_road_restored_in_the_middle_ends_with_the_same_digest(diary):
    whole, half = make_pipeline(diary), make_pipeline(diary)
    for number in range(20):
        if number == 11:
            half.restore(whole.take_state(START_NS + number * PERIOD_NS))
        for road in (whole, half) if number >= 11 else (whole,):
            road.step(START_NS + number * PERIOD_NS, [command_arrival(number)])
    assert half.digest == whole.digest
    assert half.decisions == whole.decisions


def test_taking_a_state_twice_changes_nothing(diary):
    road = make_pipeline(diary)
    road.step(START_NS, [])
    assert road.take_state(START_NS + 1).digest == road.take_state(START_NS + 1).digest == road.digest


async def test_the_road_runs_until_its_source_ends(diary):
    clock = SetClock(START_NS)
    batches = [[command_arrival(1)], [], [command_arrival(2)]]

    class ThreeBatches:
        async def take(self, deadline_ns):
            clock.set(clock.now_ns() + PERIOD_NS)
            return batches.pop(0) if batches else None

    await make_pipeline(diary, ["north"]).run(ThreeBatches(), clock)
    assert [line for line in diary.lines if line.startswith("step")] == ["step north c1", "step north", "step north c2"]


def test_a_road_without_a_log_steps_all_the_same(diary):
    road = Pipeline({"north": TallyIntersection("north")}, NoLog())
    assert len(road.step(START_NS, [])) == 1
