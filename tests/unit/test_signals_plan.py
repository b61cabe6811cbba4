"""Programs, their hours and their file; stages found in a program: expected values from the tables written above each test."""

import json
from datetime import UTC, datetime

import pytest

from intersections.signals.layout import SECOND_NS, LayoutError
from intersections.signals.plan import MINUTE_NS, Actuation, Program, SignalPlan, Step, Switch
from intersections.signals.plan_json import SignalFile, dumps, load, loads, save
from intersections.signals.stages import program_stages
from tests.signal_layouts import LEFT, MAIN, SIDE, WALK, crossing

NIGHT, DAY = Program("night", (Step(MAIN, 40 * SECOND_NS),)), Program("day", (Step(MAIN, 20 * SECOND_NS), Step(SIDE, 20 * SECOND_NS)))


def steps(*rows):
    return [Step(greens, duration_s * SECOND_NS) for greens, duration_s in rows]


def found(*rows, groups=8):
    return [(greens, green_ns // SECOND_NS) for greens, green_ns in program_stages(steps(*rows), groups)]


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def test_clearance_is_no_stage():
    assert found((MAIN, 30), (0, 3), (SIDE, 20), (0, 5)) == [(MAIN, 30), (SIDE, 20)]


def test_what_ends_early_belongs_to_the_stage_it_ends_in():
    """Walkers' green ends 5 s before the cars' beside them."""
    assert found((SIDE | WALK, 20), (SIDE, 5), (0, 3), (MAIN, 30), (0, 3)) == [(SIDE | WALK, 25), (MAIN, 30)]


def test_the_lowest_step_between_two_stages_is_transition():
    assert found((MAIN | LEFT, 20), (LEFT, 4), (LEFT | SIDE, 10), (0, 3)) == [(MAIN | LEFT, 20), (LEFT | SIDE, 10)]


def test_the_same_greens_protected_are_a_stage_of_their_own():
    """Left turns yield to the main road's traffic, then have a green of their own. From bit 4 on: what is protected."""
    main, left = (MAIN | LEFT) | MAIN << 4, LEFT | LEFT << 4
    assert found((main, 30), (LEFT, 3), (left, 6), (0, 3), (SIDE, 10), (0, 3), groups=4) == [(MAIN | LEFT, 30), (LEFT, 6), (SIDE, 10)]


def test_a_cycle_that_begins_in_the_middle_of_a_stage_is_joined():
    assert found((MAIN, 10), (0, 3), (SIDE, 20), (0, 3), (MAIN, 15)) == [(MAIN, 25), (SIDE, 20)]


def test_the_offset_shifts_the_cycle():
    program = Program("p", tuple(steps((MAIN, 20), (SIDE, 10))), 7 * SECOND_NS)
    assert program.step_at(6 * SECOND_NS) == (1, 7 * SECOND_NS)
    assert program.step_at(7 * SECOND_NS) == (0, 27 * SECOND_NS)


@pytest.mark.parametrize(
    ("now", "program"),
    [
        ("2026-11-23T05:59:59", "night"),  # a Monday
        ("2026-11-23T06:00:00", "day"),
        ("2026-11-23T21:59:00", "day"),
        ("2026-11-23T22:00:00", "night"),
        ("2026-11-28T12:00:00", "night"),  # Saturday: Friday's last switch holds
        ("2026-11-30T00:00:00", "night"),
    ],
)
def test_the_program_of_the_hour(now, program):
    workdays = 0b11111
    plan = SignalPlan((NIGHT, DAY), (Switch(workdays, 360 * MINUTE_NS, "day"), Switch(workdays, 1320 * MINUTE_NS, "night")))
    assert plan.program_at(at(now)).id == program


def test_the_timetable_is_local_time():
    plan = SignalPlan((NIGHT, DAY), (Switch(127, 0, "night"), Switch(127, 360 * MINUTE_NS, "day")), utc_offset_ns=480 * MINUTE_NS)
    assert plan.program_at(at("2026-11-22T22:00:00")).id == "day"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Program("p", ()), "no steps"),
        (lambda: Program("p", (Step(1, 0),)), "without a duration"),
        (lambda: SignalPlan(()), "no program"),
        (lambda: SignalPlan((DAY, DAY)), "named twice"),
        (lambda: SignalPlan((DAY,), (Switch(1, 0, "dusk"),)), "names program dusk"),
        (lambda: SignalPlan((DAY,), (Switch(0, 0, "day"),)), "has no day"),
        (lambda: SignalPlan((DAY,), (Switch(1, 1, "day"),)), "no minute of the day"),
        (lambda: SignalPlan((DAY,), actuation=Actuation(gap_ns=0)), "without a gap"),
        (lambda: SignalPlan((Program("p", (Step(MAIN | SIDE, 1),)),)).check(crossing()), "step 0 has conflicting greens: main, side"),
        (lambda: SignalPlan((Program("p", (Step(16, 1),)),)).check(crossing()), "names a group that is not there"),
    ],
)
def test_plans_that_cannot_be_played_are_refused(make, reason):
    with pytest.raises(LayoutError, match=reason):
        make()


def file():
    return SignalFile(crossing(), SignalPlan((NIGHT, DAY), (Switch(31, 390 * MINUTE_NS, "day"), Switch(127, 0, "night"))))


def test_the_file_reads_as_people_write_it(tmp_path):
    save(file(), tmp_path / "a.json")
    read = json.loads((tmp_path / "a.json").read_text())
    assert load(tmp_path / "a.json") == file()
    assert read["conflicts"] == [["main", "side"], ["main", "walk"], ["left", "side"], ["left", "walk"]]
    assert read["yields"] == [["left", "main"], ["side", "walk"]]
    assert ["walk", "main", 9.0] in read["intergreens"]
    assert read["switches"][0] == {"days": ["mon", "tue", "wed", "thu", "fri"], "at": "06:30", "program": "day"}
    assert read["groups"][3] == {
        "id": "walk",
        "kind": "pedestrian",
        "min_green_s": 5.0,
        "max_green_s": 30.0,
        "max_red_s": 60.0,
        "yellow_s": 0.0,
        "red_yellow_s": 0.0,
        "rest": "stop",
    }


def changed(**keys):
    return json.dumps(json.loads(dumps(file())) | keys)


def program(greens):
    return {"id": "p", "steps": [{"greens": greens, "duration_s": 5}]}


GROUP = {"id": "x", "kind": "vehicle", "min_green_s": 5, "max_green_s": 9, "max_red_s": 9, "yellow_s": 3}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", '"format" is not "v2x-signals"'),
        (changed(version=2), "reads up to 1"),
        (changed(version="1"), "not a positive integer"),
        (changed(intersection=7), "7 is not a name"),
        (changed(groups={}), "groups: not a list"),
        (changed(groups=[{"id": "x"}]), r"groups\[0\] 'x': has no 'kind'"),
        (changed(groups=[GROUP | {"kind": "tram"}]), "'tram' is none of vehicle, pedestrian"),
        (changed(groups=[GROUP | {"yellow_s": 3.04}]), "3.04 s is no multiple of 0.1 s"),
        (changed(groups=[GROUP | {"yellow_s": True}]), "True is not a time"),
        (changed(groups=[GROUP | {"rest": ["stop"]}]), "is none of stop, stop_then_proceed"),
        (changed(conflicts=[["main", "mian"]]), r"conflicts\[0\]: group 'mian' is not there"),
        (changed(conflicts=[["main"]]), "is not a list of 2"),
        (changed(conflicts=[["main", "main"]]), "stands against itself"),
        (changed(intergreens=[]), "crossing: group main is still yellow when side gets green"),
        (changed(local=[{"stage": "s9", "green_s": 5}]), r"local\[0\]: stage 's9' is not there"),
        (changed(local=[]), "the local plan is empty"),
        (
            changed(programs=[{"id": "p", "steps": [{"greens": ["main", "walk"], "duration_s": 5}]}], switches=[]),
            "conflicting greens: main, walk",
        ),
        (changed(programs=[program("main")]), "is not a list of groups"),
        (changed(switches=[{"days": ["monday"], "at": "06:00", "program": "day"}]), "'monday' is none of mon"),
        (changed(switches=[{"days": ["mon"], "at": "6:00", "program": "day"}]), "'6:00' is not a time of the day"),
        (changed(switches=[{"days": ["mon"], "at": "24:00", "program": "day"}]), "'24:00' is not a time of the day"),
        (changed(switches=[{"days": 1, "at": "06:00", "program": "day"}]), "is not a list of days"),
        (changed(switches=[{"days": ["mon"], "at": "06:00", "program": "dusk"}]), "names program dusk"),
        (changed(utc_offset_s="8"), "'8' is not a time in seconds"),
        (changed(actuation={"gap_s": -1}), "without a gap"),
    ],
)
def test_every_mistake_is_told_with_its_place(text, reason):
    with pytest.raises(LayoutError, match=reason):
        loads(text)


def test_a_pedestrian_intergreen_that_is_missing_is_a_mistake_not_zero():
    table = [row for row in json.loads(dumps(file()))["intergreens"] if row[:2] != ["walk", "main"]]
    with pytest.raises(LayoutError, match="intergreens: none from walk to main, which conflict"):
        loads(changed(intergreens=table))


def test_keys_of_a_later_writer_are_passed_over():
    assert loads(changed(colour="green")) == file()


def test_a_file_that_cannot_be_read_says_which(tmp_path):
    with pytest.raises(LayoutError, match=r"none\.json"):
        load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe")
    with pytest.raises(LayoutError, match=r"bad\.json"):
        load(tmp_path / "bad.json")
