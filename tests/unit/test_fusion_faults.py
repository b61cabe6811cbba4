"""Bad input, one fault at a time, with a sound vehicle beside the faulty one.

What is asked of each: no crash; nothing in the answer is ever NaN, every covariance symmetric and positive semidefinite; an alert within a
second of the first source that does not agree with the others; within ten seconds of good data the position is as good as usual and the
alert is down; the vehicle beside notices nothing.
"""

from dataclasses import dataclass, field, fields

import numpy as np
import pytest

from positioning.fusion import FusionConfig, FusionEngine
from positioning.fusion_twin import FusionTwin
from positioning.measurements import VALUES, Kind
from positioning.samples import FixStatus, Verdict
from tests.fusion_scenes import ANCHORS_ENU, START_NS, TICK_NS, ZONE, anchors, batch, drive, fix, merged

USUAL_M = 0.3  # several times what the drive's fixes of 3 cm leave
START_S, SETTLED_S = 10, 5  # the fault begins; the heading is known
BOTH = pytest.mark.parametrize("made", [FusionEngine, FusionTwin])
FAULTY, SOUND = 0, 1


@dataclass
class Record:
    """Of one vehicle, by tick."""

    error_m: list[float] = field(default_factory=list)
    alert: list[bool] = field(default_factory=list)
    level_m: list[float] = field(default_factory=list)

    def add(self, places, row, truth):
        self.error_m.append(float(np.hypot(places.east_m[row] - truth[0], places.north_m[row] - truth[1])))
        self.alert.append(bool(places.alert[row]))
        self.level_m.append(float(places.protection_level_m[row]))

    def worst_m(self, start_s, end_s=None):
        return max(self.error_m[int(start_s * 10) : None if end_s is None else int(end_s * 10)])

    def alarmed(self, start_s, end_s=None):
        return any(self.alert[int(start_s * 10) : None if end_s is None else int(end_s * 10)])


def assert_sound(places):
    for column in fields(places):
        assert np.isfinite(getattr(places, column.name)).all(), column.name
    for matrix in places.covariance:
        largest = np.abs(matrix).max()
        assert np.abs(matrix - matrix.T).max() <= 1e-9 * largest
        assert np.linalg.eigvalsh(matrix)[0] > -1e-9 * max(1.0, largest)


def ran(engine, fault, end_s, total_s, **scene):
    """Two drives through one engine, the first with `fault(tick, truth, rows)` from START_S to end_s; -> their records."""
    records = Record(), Record()
    for tick, moments in enumerate(zip(drive(total_s, 0, **scene), drive(total_s, 1, **scene), strict=True)):
        (now, truth, rows), (_, beside, others) = moments
        if START_S * 10 <= tick < end_s * 10:
            rows = fault(tick, truth, rows)
        engine.ingest(merged(batch(rows, FAULTY), batch(others, SOUND)))
        places = engine.step(now)
        assert_sound(places)
        for vehicle, place in ((FAULTY, truth), (SOUND, beside)):
            records[vehicle].add(places, places.id.tolist().index(vehicle), place)
    return records


def changed(kind, values):
    """values(tick, truth, old) -> new of every row of the kind."""
    return lambda tick, truth, rows: [(k, m, r, values(tick, truth, v) if k == kind else v) for k, m, r, v in rows]


def moved(east_m, north_m=0.0):
    return changed(Kind.FIX, lambda _tick, _truth, v: [v[0] + east_m, v[1] + north_m, *v[2:]])


def frozen():
    """The receiver repeats its last fix."""
    last = []

    def fault(_tick, _truth, rows):
        last.extend(v for k, _, _, v in rows if k == Kind.FIX and not last)
        return [(k, m, r, last[0] if k == Kind.FIX else v) for k, m, r, v in rows]

    return fault


def odometer(factor):
    return changed(Kind.WHEEL_SPEED, lambda _tick, _truth, v: [v[0] * factor])


def seen_elsewhere(tick, truth, rows):
    now = START_NS + tick * TICK_NS
    return [*rows, (Kind.ROADSIDE_DETECTION, now, now, [truth[0] + 20, truth[1], 0.5])]


def alone(*kinds):
    return lambda _tick, _truth, rows: [row for row in rows if row[0] in kinds]


FAULTS = {  # what is done, for how long, and after how many seconds it first disagrees
    "fixes that jump ten kilometres": (moved(10_000), 4, 0),
    "fixes that jump ten kilometres and stay there for half a minute": (moved(10_000), 30, 0),
    "fixes that jump a hundred metres and stay there for a minute": (moved(0, 100), 60, 0),
    "fixed solutions of good satellites wrong by metres for ten seconds": (moved(3, -2), 10, 0),
    "frozen fixes": (frozen, 10, 0.2),  # the first repeated one is new itself
    "frozen fixes for a minute": (frozen, 60, 0.2),
    "a reversed odometer": (odometer(-1), 10, 0),
    "a reversed odometer for a minute": (odometer(-1), 60, 0),
    "an odometer that counts double": (odometer(2), 10, 0),
    "an odometer that stops counting": (odometer(0), 10, 0),
    "a roadside detection of somebody else": (seen_elsewhere, 5, 0),
}


@pytest.mark.parametrize(("fault", "lasts_s", "disagrees_s"), FAULTS.values(), ids=FAULTS)
def test_a_contradiction_alarms_within_a_second_and_is_over_ten_seconds_after_it(fault, lasts_s, disagrees_s):
    end_s = START_S + lasts_s
    faulty, sound = ran(FusionEngine(2, ZONE), fault() if fault is frozen else fault, end_s, end_s + 20)
    assert not faulty.alarmed(SETTLED_S, START_S)
    assert faulty.alarmed(START_S, START_S + disagrees_s + 1.01)
    assert faulty.worst_m(end_s + 10) < USUAL_M
    assert not faulty.alarmed(end_s + 10)
    assert sound.worst_m(SETTLED_S) < USUAL_M
    assert not sound.alarmed(0)


@BOTH
def test_a_few_seconds_of_a_fault_do_not_move_the_position(made):
    for fault in (moved(10_000), frozen(), odometer(-1)):
        faulty, _ = ran(made(2, ZONE), fault, START_S + 2, START_S + 2)
        assert faulty.worst_m(START_S) < USUAL_M


@pytest.mark.parametrize("grade", [(FixStatus.SINGLE, 15), (FixStatus.SINGLE, 6), (FixStatus.RTK_FLOAT, 15), (FixStatus.RTK_FIXED, 9)])
def test_a_jump_of_ten_kilometres_alarms_whatever_the_status(grade):
    graded = lambda rows: [(k, m, r, [*v[:3], *grade, *v[5:]] if k == Kind.FIX else v) for k, m, r, v in rows]  # noqa: E731
    engine, alarmed = FusionEngine(1, ZONE), []
    for tick, (now, _, rows) in enumerate(drive(START_S + 15)):
        engine.ingest(batch(graded(moved(10_000)(tick, None, rows) if START_S * 10 <= tick < (START_S + 3) * 10 else rows)))
        places = engine.step(now)
        assert_sound(places)
        alarmed.append(places.alert[0])
    assert not any(alarmed[SETTLED_S * 10 : START_S * 10])
    assert any(alarmed[START_S * 10 : START_S * 10 + 11])
    assert not any(alarmed[(START_S + 13) * 10 :])


@pytest.mark.parametrize("towards", range(0, 360, 45))
@pytest.mark.parametrize("anchor", [0, 1])
def test_an_anchor_wrong_by_a_hundred_metres_alarms_as_soon_as_its_ranges_cannot_be(anchor, towards):
    """Cannot be: shorter than the way there by 10 m, or longer by more than reflections (110 m) make them."""
    surveyed, wrong = anchors(), ANCHORS_ENU[anchor] + 120 * np.array([np.sin(np.radians(towards)), np.cos(np.radians(towards))])
    surveyed[anchor, :2] = np.ravel(ZONE.geodetic_from_enu(wrong[:1], wrong[1:]))
    engine, record, excess = FusionEngine(1, ZONE, FusionConfig(), surveyed), Record(), []
    for tick, (now, truth, rows) in enumerate(drive(45, ranges=True)):
        kept = [row for row in rows if tick < 300 or row[0] != Kind.RANGE or row[3][1] != anchor]  # no more of it at last
        engine.ingest(batch(kept))
        places = engine.step(now)
        assert_sound(places)
        record.add(places, 0, truth)
        excess.append(np.hypot(*(ANCHORS_ENU[anchor] - truth[:2])) - np.hypot(*(wrong - truth[:2])))
    impossible = np.flatnonzero((np.array(excess[10:300]) < -10) | (np.array(excess[10:300]) > 110))
    if len(impossible):  # from the second second on: it stood before
        assert record.alarmed(0, 2.05 + impossible[0] / 10)
    assert record.worst_m(SETTLED_S) < USUAL_M
    assert not record.alarmed(40)


def test_a_wrong_anchor_does_not_poison_the_others():
    surveyed = anchors()
    surveyed[0, 0] += 5e-5  # 300 m
    engine = FusionEngine(1, ZONE, FusionConfig(), surveyed)
    blind = alone(Kind.RANGE, Kind.WHEEL_SPEED)
    record = Record()
    for tick, (now, truth, rows) in enumerate(drive(40, ranges=True)):
        engine.ingest(batch(blind(tick, truth, rows) if tick > 100 else rows))
        places = engine.step(now)
        assert_sound(places)
        record.add(places, 0, truth)
    assert record.error_m[-1] < 3
    assert all(error < level for error, level in zip(record.error_m[50:], record.level_m[50:], strict=True))


@BOTH
def test_refused_correct_fixes_are_taken_again_within_ten_seconds(made):
    """The known failure: a filter sure of a wrong place (here: from 30 s of displaced fixes) refuses correct ones for half a minute."""
    engine, record = made(1, ZONE), Record()
    for tick, (now, truth, rows) in enumerate(drive(45)):
        engine.ingest(batch(moved(20, 10)(tick, truth, rows) if tick < 300 else rows))
        places = engine.step(now)
        assert_sound(places)
        record.add(places, 0, truth)
    assert record.error_m[299] > 20
    assert record.alarmed(30, 31.01)
    assert record.worst_m(40) < USUAL_M
    assert not record.alarmed(40)


LOSSES = {  # what is left for ten minutes, and how far away the vehicle comes back
    "no source at all": ((), 0.0),
    "no source at all, back five kilometres away": ((), 5_000.0),
    "motion alone": ((Kind.WHEEL_SPEED, Kind.YAW_RATE), 0.0),
}


@pytest.mark.parametrize(("left", "away_m"), LOSSES.values(), ids=LOSSES)
def test_ten_lost_minutes_are_admitted_and_over_ten_seconds_after_them(left, away_m):
    engine, record, lost, back = FusionEngine(1, ZONE), Record(), 100, 6_100
    for tick, (now, truth, rows) in enumerate(drive(630)):
        fault = alone(*left) if lost <= tick < back else moved(away_m if tick >= back else 0)
        truth[0] += away_m if tick >= back else 0
        engine.ingest(batch(fault(tick, truth, rows)))
        places = engine.step(now)
        assert_sound(places)
        record.add(places, 0, truth)
    assert all(error < level for error, level in zip(record.error_m[lost:back], record.level_m[lost:back], strict=True))
    if not left:
        assert record.alert[back - 1]
    assert record.worst_m(620) < USUAL_M
    assert not record.alarmed(620)


@pytest.mark.parametrize("received_too", [False, True])
@BOTH
def test_time_that_goes_backwards_is_counted_and_over_when_it_goes_on(made, received_too):
    engine, record, seen, back_ns = made(1, ZONE), Record(), [], 30_000_000_000
    for tick, (now, truth, rows) in enumerate(drive(30)):
        if 150 <= tick < 180:
            seen.append(engine.ingest(batch([(k, m - back_ns, r - back_ns * received_too, v) for k, m, r, v in rows])))
        else:
            engine.ingest(batch(rows))
        places = engine.step(now)
        assert_sound(places)
        record.add(places, 0, truth)
    assert all(set(counts) == {Verdict.STALE} for counts in seen)
    assert record.worst_m(28) < USUAL_M
    assert not record.alarmed(28)


@BOTH
def test_stepping_back_in_time_answers_and_does_no_harm(made):
    engine = made(1, ZONE)
    for now, truth, rows in drive(10):  # noqa: B007  # the last is compared
        engine.ingest(batch(rows))
        engine.step(now)
        assert_sound(engine.step(now - 5_000_000_000))
    places = engine.step(now)
    assert np.hypot(places.east_m[0] - truth[0], places.north_m[0] - truth[1]) < USUAL_M


@pytest.mark.parametrize("ahead_ns", [900_000_000, 3_600_000_000_000, 10**18, 2**62])
@BOTH
def test_stamps_of_the_future_do_not_keep_the_present_out(made, ahead_ns):
    """Even where our own clock was wrong with the vehicle's, and for more rows than the window holds."""
    engine, record = made(1, ZONE), Record()
    for tick, (now, truth, rows) in enumerate(drive(20)):
        if 80 <= tick < 90:
            ahead = [(k, m + ahead_ns, r + ahead_ns, v) for k, m, r, v in rows]
            engine.ingest(batch([(k, m + step, r + step, v) for k, m, r, v in ahead for step in range(8)]))
        engine.ingest(batch(rows))
        places = engine.step(now)
        assert_sound(places)
        if len(places.id):
            record.add(places, 0, truth)
    assert record.worst_m(-1) < USUAL_M
    assert not record.alarmed(-1)


WRONG_VALUES = (np.nan, np.inf, -np.inf, 1e300, -1e300, 1e-300, 0.0)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind != Kind.PSEUDORANGE])
@BOTH
def test_no_value_in_any_column_of_any_kind_reaches_the_answer(made, kind):
    """One column at a time, the others as in good rows of the kind."""
    good = {
        Kind.WHEEL_SPEED: [10.0], Kind.STANDSTILL: [], Kind.YAW_RATE: [0.0], Kind.VELOCITY: [8.4, 5.4, 0.1, 15],
        Kind.HEADING: [1.0, 0.1], Kind.RANGE: [60.0, 0], Kind.TDOA: [10.0, 0, 1], Kind.ANGLE_OF_ARRIVAL: [1.0, 0.1, 0],
        Kind.LANE: [0.0, 0.0, 1.0, 1.0],
    }  # fmt: skip
    engine = made(1, ZONE, FusionConfig(), anchors())
    chosen = [(column, value) for column in range(VALUES) for value in WRONG_VALUES]
    for tick, (now, truth, rows) in enumerate(drive(9)):
        engine.ingest(batch(rows))
        if tick >= 30 and kind != Kind.STANDSTILL:
            column, value = chosen[tick % len(chosen)]
            place = {Kind.FIX: fix(*truth[:2]), Kind.ROADSIDE_DETECTION: [*truth[:2], 1.0]}
            spoilt = batch([(kind, now - 10_000_000, now, place.get(kind) or good[kind])])
            spoilt.values[0, column] = value
            engine.ingest(spoilt)
        assert_sound(engine.step(now))


@BOTH
def test_a_thousand_rows_a_second_of_one_vehicle_leave_it_and_the_next_one_well(made):
    engine = made(2, ZONE)
    records = Record(), Record()
    for tick, (now, truth, rows) in enumerate(drive(10 if made is FusionTwin else 20)):
        flood = [row for row in rows if row[0] != Kind.FIX or tick % 10 == 0]
        for each in range(0, 100 if tick >= 30 else 0, 10 if made is FusionTwin else 1):
            at = now - 99_000_000 + each * 1_000_000
            flood.append((Kind.YAW_RATE, at, now, [next(v[0] for k, _, _, v in rows if k == Kind.YAW_RATE)]))
        flood.sort(key=lambda row: row[1])
        engine.ingest(merged(batch(flood, FAULTY), batch(rows, SOUND)))
        places = engine.step(now)
        assert_sound(places)
        for vehicle in (FAULTY, SOUND):
            records[vehicle].add(places, vehicle, truth)
    assert records[FAULTY].worst_m(SETTLED_S) < 1
    assert records[SOUND].worst_m(SETTLED_S) < USUAL_M
    assert not records[SOUND].alarmed(0)


@BOTH
def test_a_thousand_rows_of_one_moment_are_bounded_and_counted(made):
    engine = made(1, ZONE)
    for now, _, rows in drive(8):
        engine.ingest(batch(rows))
        places = engine.step(now)
    same = batch([(Kind.YAW_RATE, now + TICK_NS, now + TICK_NS, [0.0])])
    verdicts = engine.ingest(merged(*[same] * 1000))
    assert sum(verdicts.values()) == 1000
    assert verdicts[Verdict.STALE] > 900
    assert_sound(engine.step(now + TICK_NS))
    assert engine.ingest(batch([(Kind.WHEEL_SPEED, now + 2 * TICK_NS, now + 2 * TICK_NS, [10.0])])) == {Verdict.ACCEPTED: 1}
    assert engine.step(now + 2 * TICK_NS).id.tolist() == places.id.tolist()
