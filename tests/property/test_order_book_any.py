"""The rules of the loop under anything that may happen: whatever dispatchers, rules, drivers, strangers, clocks and the network do.

The drivers are those of `examples/driver.py`; between them and the book lies a network that loses, repeats, delays and reorders.
"""

import json
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from intersections.buses.decisions import OrderSent
from intersections.buses.order_register import SEEN_WITHIN_NS
from intersections.buses.order_rules import BESIDE, BY_PLATFORM, ENDED, SECOND_NS
from intersections.buses.orders import RULE, Acknowledgement, Answer, DispatchMode, OrderKind, OrderState, OrderVerdict
from tests.bus_orders import BEGIN_S, MIDNIGHT_NS, NOW_NS, book, by_hand, call, driver_module, proposal, said, state
from v2x.commands import command_sample
from v2x.messages import MessageEncoder

EXAMPLES = 60
VEHICLES = ("bus-1", "bus-2")
OPEN = frozenset(OrderState) - ENDED
vehicles = st.sampled_from(VEHICLES)
# As kinds of order with their values, most of which are possible where the trip is t1.
USUAL = [(OrderKind.HOLD, 2, 40.0), (OrderKind.HOLD, 2, 55.0), (OrderKind.HOLD, 1, 30.0), (OrderKind.SPEED, 3, 9.0)]
ODD = [
    (OrderKind.PRIORITY, 3, 0.0),
    (OrderKind.PRIORITY, 2, 1.0),
    (OrderKind.CANCEL, 2, 0.0),
    (OrderKind.DEPART_AT, 0, BEGIN_S + 640.0),
    (OrderKind.HOLD, 2, 61.0),
    (OrderKind.HOLD, 2, float("nan")),
    (OrderKind.DEPART_AT, 0, 1e9),
]
wishes = st.builds(
    lambda act, vehicle, trip, valid_s: dict(zip(("kind", "stop", "value"), act, strict=True), vehicle=vehicle, trip=trip, valid_s=valid_s),
    st.one_of(st.sampled_from(USUAL), st.sampled_from(USUAL), st.sampled_from(ODD)),
    vehicles,
    st.sampled_from(["t1", "t1", "t2"]),
    st.sampled_from([300, 60, 900, 20, 0]),
)


class AnyLoop(RuleBasedStateMachine):
    @initialize(mode=st.sampled_from(DispatchMode))
    def begin(self, mode):
        self.now_ns = NOW_NS
        self.book = book(mode)
        self.drivers = {name: driver_module().DriverOrders(name, "buses") for name in VEHICLES}
        self.encoder = MessageEncoder("district", {}, process="buses")
        self.air = []  # (vehicle, payload) on their way
        self.answers = []  # on their way back
        self.states = {}  # by order: what its news have said so far
        self.versions = {}
        self.sent = {}  # (id, version): valid_until_ns, of all that was ever handed over
        self.unwanted = set()
        self.newest = dict.fromkeys(VEHICLES, "")  # issue of the latest order each driver was given

    # What people and rules do

    @rule(wish=wishes, confidence=st.sampled_from([0.2, 0.9]))
    def rules_propose(self, wish, confidence):
        wish = self.placed(wish)
        key = wish["kind"], wish["vehicle"], wish["trip"], wish["stop"]
        before = {one.order.id for one in self.book.open()}
        held = {one.order.id: one for one in self.book.open() if one.order.author != RULE}
        self.book.propose([proposal(self.now_ns, confidence=confidence, **wish)], self.now_ns)
        made = [one for one in self.book.open() if one.order.id not in before]
        assert not (made and key in self.unwanted)
        for one in made:
            assert one.state is OrderState.PROPOSED or self.book.mode("7") is DispatchMode.AUTOMATIC
            assert one.state is OrderState.PROPOSED or (confidence >= 0.5 and wish["kind"] in self.book.limits.automatic_kinds)
            assert one.order.kind is not OrderKind.HOLD or one.order.value <= (60.0 if one.order.stop else 600.0)
        for id, one in held.items():
            assert self.book.record(id) == one  # what a dispatcher has decided, no rule changes
        self.listen()

    @rule(pick=st.integers(0, 3), version=st.integers(0, 2))
    def a_dispatcher_accepts(self, pick, version):
        record = self.any_record(pick)
        verdict = self.book.accept(record.order.id if record else "none", "anna", self.now_ns, version)
        if verdict is OrderVerdict.TAKEN:
            assert record.state is OrderState.PROPOSED
            assert version in {0, record.order.version}
            assert self.now_ns < record.order.valid_until_ns
            assert self.book.mode("7") is not DispatchMode.ADVISE
        self.listen()

    @rule(pick=st.integers(0, 3))
    def a_dispatcher_declines(self, pick):
        record = self.any_record(pick)
        if record and self.book.decline(record.order.id, "anna", self.now_ns, "no") is OrderVerdict.TAKEN:
            self.note_unwanted(record.order)
        self.listen()

    @rule(wish=wishes)
    def a_dispatcher_orders(self, wish):
        verdict, order = self.book.order(by_hand(self.now_ns, **self.placed(wish)), self.now_ns)
        assert (verdict is OrderVerdict.TAKEN) == bool(order.id)
        self.listen()

    @rule(pick=st.integers(0, 3), value=st.sampled_from([10.0, 50.0, 70.0, BEGIN_S + 610.0]), valid_s=st.integers(-5, 300))
    def a_dispatcher_changes(self, pick, value, valid_s):
        record = self.any_record(pick)
        if record:
            self.book.change(record.order.id, value, self.now_ns + valid_s * SECOND_NS, "anna", self.now_ns)
        self.listen()

    @rule(pick=st.integers(0, 3))
    def a_dispatcher_withdraws(self, pick):
        record = self.any_record(pick)
        if record and self.book.withdraw(record.order.id, "anna", self.now_ns) is OrderVerdict.TAKEN:
            self.note_unwanted(record.order)
        self.listen()

    @rule(mode=st.sampled_from(DispatchMode))
    def a_dispatcher_sets_the_mode(self, mode):
        self.book.set_mode("7", mode)

    # What the network and the drivers do

    @precondition(lambda self: self.air)
    @rule(pick=st.integers(0, 99), again=st.booleans())
    def a_message_arrives(self, pick, again):
        index = pick % len(self.air)
        vehicle, payload = self.air[index] if again else self.air.pop(index)
        self.arrive(vehicle, payload)

    def arrive(self, vehicle, payload):
        """What comes late or superseded is refused, and that is said."""
        order, now = json.loads(payload), self.moment()
        known = self.drivers[vehicle]._heard.get(order["id"])
        answers = self.drivers[vehicle].hear(payload, now)
        assert [one["about"] for one in answers] == [order["id"]]
        newest = self.newest[vehicle]
        if (known is None or order["version"] > known[0]["version"]) and order["state"] == "ACTIVE":
            late = datetime.fromisoformat(order["valid_until"]) <= now
            superseded = order["kind"] != "TEXT" and order["created"] < newest
            assert (answers[0]["answer"] == "REJECTED") == (late or superseded), answers
            if answers[0]["answer"] == "RECEIVED" and order["kind"] != "TEXT":
                self.newest[vehicle] = order["created"]
        self.answers += answers

    @rule()
    def the_network_loses_all(self):
        self.air.clear()
        self.answers.clear()

    @rule(vehicle=vehicles, accepts=st.booleans())
    def a_driver_decides(self, vehicle, accepts):
        driver = self.drivers[vehicle]
        for order in driver.shown(self.moment()):
            self.answers += driver.decide(order["id"], "ACCEPTED" if accepts else "REJECTED", "", self.moment())

    @precondition(lambda self: self.answers)
    @rule(pick=st.integers(0, 99), again=st.booleans())
    def an_answer_arrives(self, pick, again):
        index = pick % len(self.answers)
        answer = self.answers[index] if again else self.answers.pop(index)
        sample = command_sample(json.dumps(answer).encode(), self.now_ns)
        self.hear(Acknowledgement(sample.about, sample.version, sample.author, Answer(sample.answer), sample.reason, self.now_ns))

    @rule(pick=st.integers(0, 3), vehicle=vehicles, later=st.sampled_from([0, 0, -1, 1]), answer=st.sampled_from(Answer))
    def somebody_forges_an_answer(self, pick, vehicle, later, answer):
        record = self.any_record(pick)
        order = record.order if record else by_hand()
        self.hear(said(order, answer, self.now_ns, vehicle=vehicle, version=order.version + later))

    @rule()
    def all_goes_well(self):
        """Whatever is on its way arrives, and is accepted."""
        self.tick()
        while self.air:
            self.a_message_arrives(0, again=False)
        for vehicle in VEHICLES:
            self.a_driver_decides(vehicle, accepts=True)
        while self.answers:
            self.an_answer_arrives(0, again=False)

    @rule(vehicle=vehicles, trip=st.sampled_from(["t1", "t2"]), stop=st.sampled_from([2, 1, 0]), stood_s=st.sampled_from([5.0, 60.0]))
    def a_bus_leaves_a_stop(self, vehicle, trip, stop, stood_s):
        now_s = (self.now_ns - MIDNIGHT_NS) / 1e9
        self.book.see([], [call(vehicle, trip, stop, now_s - stood_s, stood_s)], self.now_ns)
        self.listen()

    @rule(vehicle=vehicles, intersection=st.sampled_from(["north", "south"]))
    def an_intersection_grants(self, vehicle, intersection):
        self.book.signals.grant(intersection, [vehicle], self.now_ns)
        self.listen()

    @rule(vehicle=vehicles, trip=st.sampled_from(["t1", "t2"]), next_stop=st.integers(1, 4))
    def a_bus_is_seen(self, vehicle, trip, next_stop):
        self.book.see([state(vehicle, trip, self.now_ns, next_stop=next_stop)], [], self.now_ns)
        self.listen()

    # Time, and a restart

    @rule(seconds=st.sampled_from([1, 5, 30, 300]), seen=st.booleans())
    def time_passes(self, seconds, seen):
        """`seen`: the book is stepped at once; else whatever comes next finds it as it was."""
        self.now_ns += seconds * SECOND_NS
        if seen:
            self.tick()

    @rule()
    def tick(self):
        for order in self.book.tick(self.now_ns):
            assert order.kind not in BY_PLATFORM
            assert self.now_ns < order.valid_until_ns
            assert order.version >= max((version for id, version in self.sent if id == order.id), default=0)
            self.sent[order.id, order.version] = order.valid_until_ns
            at_ns = MIDNIGHT_NS + round(order.value * 1e9) if order.kind is OrderKind.DEPART_AT else 0
            message = self.encoder.encode(OrderSent("buses", self.now_ns, order, "s2", "Stop 2", at_ns))
            assert (message.delivery.qos, message.delivery.retain, message.valid_until_ns) == (1, False, order.valid_until_ns)
            self.air.append((order.vehicle, message.payload))
        assert all(end_of(one) > self.now_ns for one in self.book.open())
        self.listen()

    @rule()
    def the_process_is_restarted(self):
        state = self.book.snapshot()
        again = book()
        again.restore(state)
        assert again.snapshot()["json"].tobytes() == state["json"].tobytes()
        self.book = again

    # What has to hold

    @invariant()
    def a_driver_has_one_order_at_a_time(self):
        for vehicle in VEHICLES:
            instructing = [order for order in self.book.active(vehicle, self.now_ns) if order.kind not in BESIDE]
            assert len(instructing) <= 1
            shown = [order for order in self.drivers[vehicle].shown(self.moment()) if order["kind"] != "TEXT"]
            assert len(shown) <= 1

    @invariant()
    def nothing_is_executed_that_was_not_sent_or_has_expired(self):
        for driver in self.drivers.values():
            order = driver.to_do(self.moment())
            if order is not None:
                assert self.sent[order["id"], order["version"]] // 1_000_000 > self.now_ns // 1_000_000

    @invariant()
    def the_book_is_of_one_mind(self):
        for one in self.book.open():
            assert one.state in OPEN
        for one in self.book.ended():
            assert one.state in ENDED

    @invariant()
    def signals_heed_only_what_is_in_force(self):
        for next_stop in range(1, 5):
            seen = {vehicle: state(vehicle, "t1", self.now_ns, next_stop=next_stop) for vehicle in VEHICLES}
            for vehicle in self.book.signals.in_force(seen.get, self.now_ns):
                (order,) = [one for one in self.book.active(vehicle, self.now_ns) if one.kind is OrderKind.PRIORITY]
                assert self.now_ns < order.valid_until_ns
                assert order.stop >= next_stop
                assert self.states[order.id] is OrderState.ACCEPTED

    def hear(self, answer):
        record = self.book.record(answer.order)
        before = record.state if record else None
        verdict = self.book.acknowledge(answer, self.now_ns)
        after = self.book.record(answer.order)
        if before is not (after.state if after else None):
            assert verdict is OrderVerdict.TAKEN
            assert (answer.vehicle, answer.version) == (record.order.vehicle, record.order.version)
            assert self.now_ns < record.order.valid_until_ns
            assert (answer.order, answer.version) in self.sent
        if verdict is OrderVerdict.TAKEN and answer.answer is Answer.REJECTED and after.state is OrderState.REJECTED:
            self.note_unwanted(after.order)
        self.listen()

    def listen(self):
        """News tell a life that the table of states allows."""
        for record in self.book.events():
            order = record.order
            before = self.states.get(order.id)
            assert before not in ENDED or record.state is before
            assert before is not None or record.state in {OrderState.PROPOSED, OrderState.ACCEPTED}
            assert order.version >= self.versions.get(order.id, 1)
            if record.state is OrderState.ACKNOWLEDGED:
                assert before is OrderState.SENT
            if record.state is OrderState.CARRIED_OUT:
                last = OrderState.ACCEPTED if order.kind in BY_PLATFORM else OrderState.ACKNOWLEDGED
                assert before in {last, OrderState.CARRIED_OUT}
            self.states[order.id], self.versions[order.id] = record.state, order.version

    def placed(self, wish):
        wish = dict(wish)
        return wish | {"valid_until_ns": self.now_ns + wish.pop("valid_s") * SECOND_NS}

    def any_record(self, pick):
        records = self.book.open()[::-1] + self.book.ended()[-2:]
        return records[pick % len(records)] if records else None

    def note_unwanted(self, order):
        self.unwanted.add((order.kind, order.vehicle, order.trip, order.stop))

    def moment(self):
        return datetime.fromtimestamp(self.now_ns // 1_000_000 / 1000, UTC)


def end_of(record):
    return record.order.valid_until_ns + (SEEN_WITHIN_NS if record.state is OrderState.ACKNOWLEDGED else 0)


def test_the_loop_keeps_its_rules_whatever_happens():
    run_state_machine_as_test(AnyLoop, settings=settings(max_examples=EXAMPLES, stateful_step_count=50, deadline=None, derandomize=True))
