"""Whatever an intersection decides is a message its schema allows; whatever is sent to us is a sample or a WireError."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from intersections.decisions import Cause, Party, SensorFault, Severity, SignalReport, TrackReport, Warning, WarningKind, WarningState
from intersections.samples import CommandKind, CommandSample, PhaseState
from positioning.samples import ObjectClass
from tests.decided import BRAUNSCHWEIG, NOW_NS, validator
from v2x.commands import ANSWERS, command_sample, encode_command
from v2x.errors import WireError
from v2x.messages import MessageEncoder

ENCODER = MessageEncoder("district", {"ix7": BRAUNSCHWEIG})

times_ns = st.integers(NOW_NS, NOW_NS + 10**18)
metres = st.floats(-3000.0, 3000.0)
known_or_nan = st.floats(0.0, 100.0) | st.just(float("nan"))
headings = st.floats(0.0, 2 * np.pi, exclude_max=True) | st.just(float("nan"))
words = st.text(min_size=1, max_size=30)
identifiers = st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True)
causes = st.builds(Cause, words, st.integers(0, 2**32 - 1))
parties = st.builds(Party, st.integers(0, 2**53), st.sampled_from(ObjectClass), st.text(max_size=9), metres, metres, known_or_nan, headings)
warnings = st.builds(
    Warning,
    words,
    st.just("ix7"),
    st.sampled_from(WarningKind),
    st.sampled_from(WarningState),
    times_ns,
    times_ns,
    times_ns,
    st.sampled_from(Severity),
    st.tuples(parties, parties),
    metres,
    metres,
    known_or_nan | st.just(float("inf")),
    known_or_nan,
    known_or_nan,
    st.floats(0.0, 1.0),
    causes,
)
signals = st.builds(SignalReport, st.just("ix7"), times_ns, st.lists(st.tuples(words, st.sampled_from(PhaseState))).map(tuple), causes)
faults = st.builds(SensorFault, words, st.just("ix7"), words, st.text(), words, st.text(), times_ns, st.booleans(), causes)


@st.composite
def track_reports(draw):
    count = draw(st.integers(0, 5))
    motion = np.empty((count, 5))
    motion[:, :2] = draw(arrays(np.float64, (count, 2), elements=metres))
    motion[:, 2] = draw(arrays(np.float64, count, elements=known_or_nan))
    motion[:, 3] = draw(arrays(np.float64, count, elements=headings))
    motion[:, 4] = draw(arrays(np.float64, count, elements=st.floats(-3.0, 3.0)))
    ids = np.array(draw(st.lists(st.integers(0, 2**53), min_size=count, max_size=count, unique=True)), dtype=np.int64)
    classes = draw(arrays(np.uint8, count, elements=st.sampled_from([int(number) for number in ObjectClass])))
    sigma, size = (draw(arrays(np.float64, shape, elements=known_or_nan)) for shape in (count, (count, 2)))
    return TrackReport("ix7", draw(times_ns), ids, classes, motion, sigma, size, {int(track): "v" for track in ids[: count // 2]})


def check(decision, schema):
    message = ENCODER.encode(decision)
    body = json.loads(message.payload)
    validator(schema).validate(body)
    assert not set(message.topic) & set(" +#$\0")
    assert message.topic.startswith("v2x/v1/district/ix7/")
    assert body["intersection"] == "ix7"


@settings(max_examples=100, deadline=None)
@given(warnings)
def test_any_warning_is_allowed_by_its_schema(decision):
    check(decision, "warning")


@settings(max_examples=60, deadline=None)
@given(track_reports())
def test_any_tracks_are_allowed_by_their_schema(decision):
    check(decision, "track")


@settings(max_examples=60, deadline=None)
@given(signals)
def test_any_lamp_states_are_allowed_by_their_schema(decision):
    check(decision, "signal")


@settings(max_examples=60, deadline=None)
@given(faults)
def test_any_sensor_fault_is_allowed_by_the_events_schema(decision):
    check(decision, "event")


ABOUT = {
    CommandKind.ACKNOWLEDGEMENT: (st.text(min_size=1, max_size=200), st.sampled_from(ANSWERS)),
    CommandKind.RESET_TRACKS: (st.just(""), st.just("")),
    CommandKind.RESET_SIGNALS: (st.just(""), st.just("")),
    CommandKind.PLAN_OVERRUN: (st.just(""), st.just("")),
    CommandKind.SILENCE: (st.sampled_from([kind.value for kind in WarningKind]), st.just("")),
}


@st.composite
def commands(draw):
    kind = draw(st.sampled_from(CommandKind))
    about, answer = (draw(part) for part in ABOUT[kind])
    who = [draw(identifiers) for _ in range(3)]
    return CommandSample(who[0], kind, who[1], who[2], about, answer, draw(times_ns), draw(times_ns), draw(st.text(max_size=200)))


@settings(max_examples=100, deadline=None)
@given(commands())
def test_a_command_comes_back_as_it_was(sample):
    content = encode_command(sample)
    if sample.kind is not CommandKind.PLAN_OVERRUN:  # our own word, in the log alone
        validator("command").validate(json.loads(content))
    assert command_sample(content, sample.received_ns) == sample


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(lambda tree: json.dumps(tree).encode()))
def test_anything_else_is_a_wire_error(content):
    with pytest.raises(WireError) as refusal:
        command_sample(content, NOW_NS)
    assert refusal.value.text


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=250)
MEMBERS = ("id", "kind", "intersection", "author", "about", "answer", "reason", "valid_until")
HALF_RIGHT = st.sampled_from(["acknowledgement", "silence", "ix7", "ICW", "DONE", "2026-05-28T20:26:40Z", "0001-01-01T00:00:00+23:59"])


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES | HALF_RIGHT, min_size=4))
def test_almost_commands_are_judged_as_their_schema_judges_them(members):
    content = json.dumps(members).encode()
    try:
        sample = command_sample(content, NOW_NS)
    except WireError:
        return
    validator("command").validate(json.loads(content))
    assert command_sample(encode_command(sample), NOW_NS) == sample
