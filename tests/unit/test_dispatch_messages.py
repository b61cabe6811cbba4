"""Orders and their news as their schemas allow them; the buses as a member of the road, over a restart; what is typed wrong."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from intersections.buses.decisions import ActDone, AnswerRefused, BusReport, OrderNews, OrderSent
from intersections.buses.order_book import OrderBook
from intersections.buses.order_rules import BY_PLATFORM, SECOND_NS
from intersections.buses.orders import ActKind, Answer, DispatchAct, DispatchMode, Effect, OrderKind, OrderRecord, OrderState, OrderVerdict
from intersections.buses.plans import LinePlans
from intersections.buses.road import BusRoad
from intersections.buses.samples import BusPosition
from intersections.buses.step import Dispatcher
from tests.bus_orders import BEGIN_S, MIDNIGHT_NS, NOW_NS, by_hand, network, said
from tests.decided import validator
from v2x.bus_files import read_lines
from v2x.bus_positions import bus_arrival
from v2x.cli.dispatch import dispatch_app
from v2x.commands import acknowledgement, command_arrival, encode_command
from v2x.errors import ConfigError
from v2x.messages import MessageEncoder
from v2x.pipeline import decision_bytes
from v2x.wire.dispatch import bus_order

ENCODER = MessageEncoder("district", {}, process="buses")


def content(decision, schema):
    message = ENCODER.encode(decision)
    body = json.loads(message.payload)
    validator(schema).validate(body)
    return message, body


@pytest.mark.parametrize("withdrawn", [False, True])
@pytest.mark.parametrize("kind", sorted(set(OrderKind) - BY_PLATFORM))
def test_each_kind_of_order_is_allowed_and_addressed_to_its_vehicle(kind, withdrawn):
    timed = kind in {OrderKind.DEPART_AT, OrderKind.DEPART_NOT_BEFORE}
    order = replace(by_hand(kind=kind, value=9.0, text="Good morning" if kind is OrderKind.TEXT else ""), id="o-1", withdrawn=withdrawn)
    message, body = content(OrderSent("buses", NOW_NS, order, "s2", "Stop 2", MIDNIGHT_NS if timed else 0), "order")
    assert message.topic == "v2x/v1/district/buses/order/bus-1"
    assert (message.delivery.qos, message.delivery.retain, message.valid_until_ns) == (1, False, order.valid_until_ns)
    assert body["state"] == ("WITHDRAWN" if withdrawn else "ACTIVE")
    assert ("at" in body) == timed


@pytest.mark.parametrize("state", OrderState)
def test_each_state_is_told(state):
    effect = Effect(10.0, -4.0, -40.0)
    record = OrderRecord(replace(by_hand(), id="o-1"), state, NOW_NS, predicted=effect, measured=effect, counterfactual="without it ...")
    message, body = content(OrderNews("buses", NOW_NS, record), "dispatch")
    assert message.topic == "v2x/v1/district/buses/dispatch/7/o-1"
    assert body["state"] == state.name
    told = bus_order(record)
    assert (told.state, told.measured.waiting_s) == (state + 1, 10.0)


@pytest.mark.parametrize("verdict", OrderVerdict)
def test_a_vehicle_is_told_why_its_answer_was_of_no_use(verdict):
    message, body = content(AnswerRefused("buses", NOW_NS, said(replace(by_hand(), id="o-1")), verdict), "event")
    assert message.topic == "v2x/v1/district/buses/event/answer-refused/bus-1"
    assert (body["subject"], body["text"]) == ("o-1 version 1", verdict.value)


def road():
    return BusRoad("buses", Dispatcher.of(network(), LinePlans(), OrderBook(network())))


def seen(day_s, now_ns):
    """The bus of trip t0, punctual."""
    place = max(0.0, (day_s - BEGIN_S) / 120.0)
    position = BusPosition("bus-1", now_ns, 44.5, 11.3 + 0.006 * place, 4.0, "t0", "7", 12, None)
    return bus_arrival("buses", "feed", [position], now_ns).sample


def act(kind, number=1, **fields):
    return DispatchAct(f"a-{number}", kind, "anna", NOW_NS, **fields)


def decided(buses, samples, now_ns):
    decisions, deadline_ns = buses.step(samples, now_ns)
    assert deadline_ns > now_ns
    return decisions


def test_the_buses_go_on_from_a_snapshot_as_if_nothing_had_been():
    buses = road()
    hold = act(ActKind.ORDER, order_kind=OrderKind.HOLD, vehicle="bus-1", stop=3, value=30.0, valid_until_ns=NOW_NS + 600 * SECOND_NS)
    for number in range(12):
        now_ns = NOW_NS + number * 10 * SECOND_NS
        samples = [seen(BEGIN_S + number * 10, now_ns), *([act(ActKind.HEADWAY, 2, line="7", value=300.0), hold] if number == 5 else [])]
        told = decided(buses, samples, now_ns)
        assert number != 5 or [one.answer.verdict for one in told if isinstance(one, ActDone)] == [OrderVerdict.TAKEN] * 2
        assert any(isinstance(one, BusReport) for one in told)
    again = road()
    again.restore(buses.snapshot())
    for number in range(12, 40):
        now_ns = NOW_NS + number * 10 * SECOND_NS
        samples = [seen(BEGIN_S + number * 10, now_ns)]
        first, second = ([decision_bytes(one) for one in decided(each, samples, now_ns)] for each in (buses, again))
        assert first == second
    assert again.dispatcher.headways_s == {"7": 300.0}


def test_an_act_about_what_nobody_knows_is_answered_by_name():
    acts = [
        act(ActKind.ORDER, 1, vehicle="bus-7", order_kind=OrderKind.HOLD, value=30.0, valid_until_ns=NOW_NS + SECOND_NS),
        act(ActKind.MODE, 2, line="8", mode=DispatchMode.ADVISE),
        act(ActKind.HEADWAY, 3, line="7", value=-1.0),
        act(ActKind.ACCEPT, 4, order="none"),
    ]
    answers = [one.answer.verdict for one in decided(road(), acts, NOW_NS) if isinstance(one, ActDone)]
    assert answers == [OrderVerdict.UNKNOWN_VEHICLE, OrderVerdict.UNKNOWN_LINE, OrderVerdict.MALFORMED, OrderVerdict.UNKNOWN_ORDER]


def test_an_answer_by_grpc_to_an_unknown_order_is_refused_to_the_vehicle():
    command = acknowledgement("bus-1", "buses", "none-1", 2, "", NOW_NS)
    sample = command_arrival(command, encode_command(command)).sample
    (refused,) = [one for one in decided(road(), [sample], NOW_NS) if isinstance(one, AnswerRefused)]
    assert (refused.said.answer, refused.verdict) == (Answer.ACCEPTED, OrderVerdict.UNKNOWN_ORDER)


def test_lines_are_read_and_their_limits():
    plans, limits = read_lines(
        '[other]\nmode = "advise"\n[lines.7]\nmode = "automatic"\nheadway_s = 300\nhold_most_s = 90\nstandby = ["b"]\n'
    )
    assert (plans.of("7").headway_s, plans.of("7").standby, plans.of("8").headway_s) == (300, ("b",), 0.0)
    assert (limits.modes, limits.mode, limits.hold_most_s) == ({"7": DispatchMode.AUTOMATIC}, DispatchMode.ADVISE, 90)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", "no TOML"),
        ("[line]\n", "only \\[other\\]"),
        ('[other]\nmode = "fast"\n', "none of advise, confirm, automatic"),
        ("[lines.7]\nheadway = 300\n", "lines.7: headway: only mode"),
        ('[lines.7]\nheadway_s = "300"\n', "is no positive number"),
        ("[lines]\n7 = 3\n", "only mode"),
    ],
)
def test_a_file_of_lines_that_is_wrong_is_told_with_the_place(text, reason):
    with pytest.raises(ConfigError, match=reason):
        read_lines(text)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("list",), "names no server"),
        (("order", "fly", "bus-9"), "'fly' is none of depart-at"),
        (("order", "hold", "bus-9", "soon"), "'soon' is no number"),
        (("order", "depart-at", "bus-9", "8.15"), "is no time of the service day"),
        (("order", "cancel", "bus-9", "3"), "has no value"),
        (("mode", "7", "fast"), "'fast' is none of advise"),
    ],
)
def test_what_a_dispatcher_typed_wrong_is_one_sentence(words, reason, tmp_path):
    with pytest.raises(ConfigError, match=reason):
        CliRunner().invoke(dispatch_app, ["--state", str(tmp_path), *words], catch_exceptions=False)
