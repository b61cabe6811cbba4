"""The recorder against a real disk: what it writes is read back, what it cannot keep is said."""

import errno
from pathlib import Path

import pytest

from tests.road import START_NS, command_arrival
from v2x import recorder as recorder_module
from v2x.log_format import End, Gap, Header, Step, read_log
from v2x.pipeline import RoadState
from v2x.recorder import RETRY_AFTER_ERROR_NS, STATE_PERIOD_NS, LogPolicy, Recorder

HEADER = Header("build", START_NS, {}, {})
SECOND_NS = 1_000_000_000


def state_at(time_ns):
    return RoadState(time_ns, 7, bytes(32), {}, {})


def write(recorder, now_ns, arrivals=()):
    """One step as the pipeline makes it."""
    if recorder.wants_state(now_ns):
        recorder.write_state(state_at(now_ns))
    recorder.write_step(now_ns, list(arrivals))


def items_of(path: Path):
    return list(read_log(path.read_bytes()))


def kinds_of(path: Path):
    return [type(item).__name__ for item in items_of(path)]


def only_file(folder):
    (path,) = folder.glob("*.v2xlog")
    return path


@pytest.fixture
def make(tmp_path):
    def made(**policy):
        recorder = Recorder(LogPolicy(tmp_path, **policy), HEADER)
        started.append(recorder)
        return recorder

    started: list[Recorder] = []
    return made


def test_steps_come_back_as_they_were(make, tmp_path):
    recorder = make()
    recorder.start()
    arrivals = [command_arrival(number) for number in range(3)]
    write(recorder, START_NS, arrivals)
    write(recorder, START_NS + 1)
    recorder.close(state_at(START_NS + 2))
    assert kinds_of(only_file(tmp_path)) == ["Header", "RoadState", "Step", "Step", "RoadState", "End"]
    step = items_of(only_file(tmp_path))[2]
    assert [(got.payload, got.source, got.intersection, got.received_ns) for got in step.arrivals] == [
        (sent.payload, sent.source, sent.intersection, sent.received_ns) for sent in arrivals
    ]
    assert items_of(only_file(tmp_path))[-1] == End(START_NS + 2, 7, bytes(32), 2, 0)


def test_a_state_each_minute(make, tmp_path):
    recorder = make()
    recorder.start()
    for second in range(125):
        write(recorder, START_NS + second * SECOND_NS)
    recorder.close(state_at(START_NS + 125 * SECOND_NS))
    states = [item.time_ns - START_NS for item in items_of(only_file(tmp_path)) if isinstance(item, RoadState)]
    assert states == [0, STATE_PERIOD_NS, 2 * STATE_PERIOD_NS, 125 * SECOND_NS]


def test_a_lagging_writer_leaves_a_gap_and_a_fresh_state(make, tmp_path):
    recorder = make(queue_steps=10)
    for number in range(15):  # the writer has not started: it lags
        write(recorder, START_NS + number)
    assert recorder.lost_steps == 15 + 1 - 10  # the state takes a place too
    recorder.start()
    recorder._writer.wake.set()
    recorder.flush()
    assert recorder.wants_state(START_NS + 15), "caught up, a state is wanted before steps are kept again"
    recorder.write_state(state_at(START_NS + 15))
    gap = recorder._writer.queue[0]
    assert gap == Gap(START_NS + 9, START_NS + 14, 6)
    assert kinds_of(only_file(tmp_path)) == ["Header", "RoadState", *["Step"] * 9]


def test_a_gap_stays_open_until_half_the_queue_is_free(make):
    recorder = make(queue_steps=10)
    for number in range(12):
        write(recorder, START_NS + number)
    assert not recorder.wants_state(START_NS + 12)
    while len(recorder._writer.queue) > 5:
        recorder._writer.queue.popleft()
    assert recorder.wants_state(START_NS + 12)


def test_the_queue_is_bounded_in_bytes(make):
    recorder = make(queue_bytes=5000)
    for number in range(50):
        write(recorder, START_NS + number, [command_arrival(number)])
    assert 0 < len(recorder._writer.queue) < 15
    assert recorder.lost_steps == 50 - (len(recorder._writer.queue) - 1)


def test_files_turn_over_by_size_and_the_oldest_go(make, tmp_path):
    recorder = make(file_bytes=2000, keep_files=3)
    for number in range(100):
        write(recorder, START_NS + number, [command_arrival(number)])
        if number % 10 == 9:
            recorder._writer.write_waiting()
    recorder.start()
    recorder.close(state_at(START_NS + 100))
    files = sorted(tmp_path.glob("*.v2xlog"))
    assert len(files) == 3
    for file in files:
        kinds = kinds_of(file)
        assert kinds[:2] == ["Header", "RoadState"]
        assert kinds[-1] == "End"
    numbers = [step.now_ns - START_NS for file in files for step in items_of(file) if isinstance(step, Step)]
    assert numbers == list(range(numbers[0], 100)), "nothing is missing between files"


def test_a_full_disk_costs_steps_not_the_road(make, tmp_path, monkeypatch):
    recorder = make()
    write(recorder, START_NS)
    recorder._writer.write_waiting()

    def refuse(record):
        raise OSError(errno.ENOSPC, "no space left")

    working = recorder._writer._append
    monkeypatch.setattr(recorder._writer, "_append", refuse)
    write(recorder, START_NS + 1)
    write(recorder, START_NS + 2)
    recorder._writer.write_waiting()
    assert recorder.lost_steps == 2
    assert not recorder.wants_state(START_NS + 3), "not at once"
    monkeypatch.setattr(recorder._writer, "_append", working)
    later_ns = START_NS + 2 + RETRY_AFTER_ERROR_NS
    write(recorder, START_NS + 3)
    write(recorder, later_ns)
    recorder.start()
    recorder.close(state_at(later_ns + 1))
    first, second = sorted(tmp_path.glob("*.v2xlog"))
    assert kinds_of(first) == ["Header", "RoadState", "Step"]
    assert kinds_of(second) == ["Header", "Gap", "RoadState", "Step", "RoadState", "End"]
    assert items_of(second)[1] == Gap(START_NS + 1, START_NS + 3, 3)


def test_a_crash_leaves_all_steps_and_no_end(make, tmp_path):
    recorder = make()
    recorder.start()
    write(recorder, START_NS, [command_arrival(1)])
    recorder.flush()
    assert kinds_of(only_file(tmp_path)) == ["Header", "RoadState", "Step"]


def test_a_run_that_never_stepped_has_a_whole_log(make, tmp_path):
    recorder = make()
    recorder.start()
    recorder.close(state_at(START_NS))
    assert kinds_of(only_file(tmp_path)) == ["Header", "RoadState", "End"]
    assert only_file(tmp_path).suffix == recorder_module.SUFFIX
