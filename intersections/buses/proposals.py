"""What may help a line now: one function per kind of decision, each from a View to proposals with reason, effect, confidence and expiry.

Rules:
* Effects are passenger-seconds against what would have been without the order, the buses before and behind leaving as they are expected
  to; what the orders of these change is reckoned in `resolve`, where also a shift's saving is.
* A kind's preconditions stand at the head of its function; what it may ask for at most is the line's plan.
* Confidence is the probability that the order saves anything, the gaps known as well as predictions say.
* An order that is too small to be worth a driver's attention is not proposed.
"""

from collections.abc import Iterator
from math import erf, inf, isfinite, sqrt

from intersections.buses.departures import within_s
from intersections.buses.headways import DWELL_S, Bus, View
from intersections.buses.holding import AtControlStop, hold_s, missing, schedule_hold_s
from intersections.buses.network import Trip
from intersections.buses.orders import Effect, OrderKind, Proposal
from intersections.buses.resolve import STEP_S, Wish
from intersections.buses.samples import Duty

SECOND_NS = 1_000_000_000
HOLD_LEAST_S = 10.0
MOVE_LEAST_S = 30.0
NOTICE_S = 60.0  # between an order and what it asks for at the earliest
HOLD_AHEAD_S = 90.0  # before a bus is ready: earlier, its gaps are not known
DEPART_AHEAD_S = 900.0
HORIZON_S = 3600.0  # of departures that are respaced together, and of anything asked for
MISSING_S = 120.0  # so long before its time the vehicle of a trip is known where duties are, and so long after it elsewhere
GRACE_S = 60.0  # an order can be carried out so much later than planned
SPEED_MPS = (4.0, 25.0)  # slower, a bus stands in the way; faster, no bus is: its prediction is wrong
LATE_S = 120.0  # on lines that are run by the timetable
NOTHING = Effect(0.0, 0.0, 0.0)  # by itself: of shifts it follows from what their neighbours are told
GREENS = ": each green on the way helps"


def respace(view: View) -> Iterator[Wish]:
    """Buses that wait at the terminal of a line run by headway leave evenly, between their leader and the departures that follow."""
    if not view.by_headway or view.vehicles < 2 or view.direction[0] in view.timetable.network.through_lines:
        return
    pending = _pending(view)
    for origin in dict.fromkeys(view.timetable.places[trip.pattern][0] for trip, _ in pending):
        last_s, _ = view.left_s.get(origin, (-inf, ""))
        here = [(trip, bus) for trip, bus in pending if view.timetable.places[trip.pattern][0] == origin]
        if isfinite(last_s) and len(here) > 1:
            yield from _respaced(view, last_s, here)


def _respaced(view: View, last_s: float, pending: list[tuple[Trip, Bus | None]]) -> Iterator[Wish]:
    """Of one terminal: what leaves it next, `last_s` being when the last bus left.

    A departure whose bus is not there yet will be moved when it is: it is expected where it is wanted.
    """
    planned_s = [last_s, *(max(float(trip.departure_s[0]), view.now_s) for trip, _ in pending)]
    wanted_s = _departures(view, last_s, [trip for trip, _ in pending], planned_s)
    buses = [None, *(bus for _, bus in pending)]
    moved_s = [_told(wanted - planned) for wanted, planned in zip(wanted_s, planned_s, strict=True)]
    told = [_may_move(view, bus, plan_s, by_s) for bus, plan_s, by_s in zip(buses, planned_s, moved_s, strict=True)]
    told[-1] = False  # nothing is known of what follows it
    without_s = [planned if it_is else wanted for it_is, planned, wanted in zip(told, planned_s, wanted_s, strict=True)]
    for index, bus in enumerate(buses):
        if bus is None or not told[index]:
            continue
        before_s, behind_s = without_s[index] - without_s[index - 1], without_s[index + 1] - without_s[index]
        why = f"would leave {_minutes(before_s)} after the bus before and {_minutes(behind_s)} before the next"
        value_s = planned_s[index] + moved_s[index]
        one = _proposal(view, bus, OrderKind.DEPART_AT, 0, value_s, why, NOTHING, 0.9, value_s + GRACE_S)
        riders = view.riders_ahead_per_s(bus.trip, 0)
        yield Wish(one, moved_s[index], MOVE_LEAST_S, behind_s - before_s, riders, 0, pending[index][0].id)


def _may_move(view: View, bus: Bus | None, planned_s: float, moved_s: float) -> bool:
    if bus is None or abs(moved_s) < MOVE_LEAST_S or min(planned_s, planned_s + moved_s) > view.now_s + DEPART_AHEAD_S:
        return False
    return abs(planned_s + moved_s - float(bus.trip.departure_s[0])) <= view.plan.move_most_s


def _pending(view: View) -> list[tuple[Trip, Bus | None]]:
    """Departures of the next hour, soonest first, with the vehicle that waits for each."""
    waiting = {bus.trip.id: (bus.trip, bus) for bus in view.buses if bus.state.duty is Duty.AT_TERMINAL}
    planned: dict[str, tuple[Trip, Bus | None]] = {trip.id: (trip, None) for trip in view.to_come}
    return sorted((planned | waiting).values(), key=lambda one: (float(one[0].departure_s[0]), one[0].id))


def _departures(view: View, last_s: float, trips: list[Trip], planned_s: list[float]) -> list[float]:
    """When the pending trips shall leave, behind `last_s`: the taut string within the limits, or the wanted headway if one is set."""
    earliest, latest = [last_s], [last_s]
    for trip, plan_s in zip(trips, planned_s[1:], strict=True):
        low_s = max(float(trip.departure_s[0]) - view.plan.move_most_s, min(view.now_s + NOTICE_S, plan_s), earliest[-1])
        earliest.append(low_s)
        latest.append(max(float(trip.departure_s[0]) + view.plan.move_most_s, low_s, latest[-1]))
    if view.plan.headway_s > 0.0:
        times = [last_s]
        for low_s, high_s in zip(earliest[1:], latest[1:], strict=True):
            times.append(min(max(times[-1] + view.plan.headway_s, low_s), high_s))
        return times
    earliest[-1] = latest[-1] = max(planned_s[-1], earliest[-1])
    return within_s(earliest, [min(high_s, latest[-1]) for high_s in latest])


def hold(view: View) -> Iterator[Wish]:
    """On a line run by headway, a bus that comes to a control stop nearer to its leader than to its follower."""
    if not view.by_headway or view.vehicles < 2:
        return
    for bus, row, met in _coming(view):
        wanted_s = _told(min(hold_s(met), view.plan.hold_most_s, _riders_hold_s(view, bus, row, met)))
        if wanted_s < HOLD_LEAST_S:
            continue
        behind_s = met.followers_eta_s[0] - met.now_s
        why = f"{_minutes(met.forward_headway_s)} behind its leader, {_minutes(behind_s)} before its follower"
        sure = _sure(behind_s - met.forward_headway_s - wanted_s, bus.sigma_s(row, view.now_s), _follower_sigma_s(view, bus, row))
        one = _proposal(view, bus, OrderKind.HOLD, row, wanted_s, why, NOTHING, sure, met.now_s + wanted_s + GRACE_S)
        yield _shifting(view, bus, one, met, wanted_s, HOLD_LEAST_S)


def keep_to_timetable(view: View) -> Iterator[Wish]:
    """On a line whose riders know the timetable, a bus that would leave a control stop early."""
    if view.by_headway:
        return
    for bus in view.buses:
        row = view.next_control(bus)
        ready_s = bus.ready_s(row, view.now_s) if row is not None and bus.state.duty is Duty.ON_TRIP else inf
        if row is None or not view.now_s <= ready_s <= view.now_s + HOLD_AHEAD_S:
            continue
        scheduled_s = float(bus.trip.departure_s[row])
        early_s = schedule_hold_s(AtControlStop(ready_s, bus.load(view.plan), inf, scheduled_s, inf, ()))
        waits_s = min(early_s, view.plan.hold_most_s)
        if waits_s < MOVE_LEAST_S:
            continue
        load = bus.load(view.plan)
        headway_s = min(view.headway_s(bus.trip), HORIZON_S)
        here = view.riders_ahead_per_s(bus.trip, row) - view.riders_ahead_per_s(bus.trip, row + 1)
        missed = here * headway_s * (missing(early_s) - missing(early_s - waits_s))
        effect = Effect(round(missed * headway_s, 1), round(-load * waits_s, 1), -waits_s)
        why = f"would leave {_minutes(early_s)} before its time: about {missed:.1f} riders would miss it and wait {_minutes(headway_s)}"
        sure = _sure(early_s, bus.sigma_s(row, view.now_s), 0.0)
        until_s = ready_s + waits_s
        yield Wish(_proposal(view, bus, OrderKind.DEPART_NOT_BEFORE, row, until_s, why, effect, sure, until_s + GRACE_S))


def slow_down(view: View) -> Iterator[Wish]:
    """Still far from its control stop, and more to lose than a hold there may be: riders would rather roll than stand."""
    if not view.by_headway or view.vehicles < 2:
        return
    for bus in view.buses:
        row = view.next_control(bus)
        if row is None or bus.state.duty is not Duty.ON_TRIP or bus.state.at_stop:
            continue
        left_s = bus.arrival_s(row) - view.now_s
        met = view.at(bus, row) if left_s > HOLD_AHEAD_S else None
        if met is None:
            continue
        delay_s = min(hold_s(met) - view.plan.hold_most_s, view.plan.slow_down_most * left_s)
        way_m = float(view.timetable.network.patterns[bus.trip.pattern].stop_m[row]) - bus.state.place_m
        moving_s = left_s - DWELL_S * (row - bus.state.next_stop)
        speed_mps = round(way_m / (moving_s + delay_s), 1) if moving_s > 0.0 else 0.0
        if delay_s < HOLD_LEAST_S or not SPEED_MPS[0] <= speed_mps <= SPEED_MPS[1]:
            continue
        behind_s = met.followers_eta_s[0] - met.now_s
        why = (
            f"{_minutes(met.forward_headway_s)} behind its leader, more than one hold can mend: about {3.6 * speed_mps:.0f} km/h until then"
        )
        sure = _sure(behind_s - met.forward_headway_s - delay_s, bus.sigma_s(row, view.now_s), _follower_sigma_s(view, bus, row))
        one = _proposal(view, bus, OrderKind.SPEED, row, speed_mps, why, NOTHING, 0.8 * sure, view.now_s + left_s + delay_s)
        yield _shifting(view, bus, one, met, delay_s)


def ask_signals(view: View) -> Iterator[Wish]:
    """Conditional priority (Furth & Muller 2000): only a bus that is late, or has fallen back towards its follower."""
    for bus in view.buses:
        row = view.next_control(bus)
        if row is None or bus.state.duty is not Duty.ON_TRIP or row - bus.state.next_stop < 1:
            continue
        saved_s = view.plan.priority_saves_s * (row - bus.state.next_stop)
        until_s = max(bus.arrival_s(row), view.now_s + NOTICE_S)
        met = view.at(bus, row) if view.by_headway and view.vehicles > 1 else None
        if met is not None:
            behind_s = met.followers_eta_s[0] - met.now_s
            if met.forward_headway_s - behind_s < 0.5 * met.planned_headway_s:
                continue
            why = f"{_minutes(met.forward_headway_s)} behind its leader and {_minutes(behind_s)} before its follower{GREENS}"
            yield _shifting(view, bus, _proposal(view, bus, OrderKind.PRIORITY, row, 1.0, why, NOTHING, 0.7, until_s), met, -saved_s)
        elif not view.by_headway and bus.state.deviation_s > LATE_S:
            headway_s = min(view.headway_s(bus.trip), HORIZON_S)
            effect = Effect(round(view.riders_ahead_per_s(bus.trip, row) * headway_s * saved_s, 1), bus.load(view.plan) * saved_s, saved_s)
            why = f"{_minutes(bus.state.deviation_s)} late{GREENS}"
            yield Wish(_proposal(view, bus, OrderKind.PRIORITY, row, 1.0, why, effect, 0.7, until_s))


def insert(view: View) -> Iterator[Wish]:
    """A departure is due, no vehicle is there for it, and a standby bus is free."""
    free = [vehicle for vehicle in view.plan.standby if vehicle not in view.busy]
    for id, vehicle in zip(sorted(view.absent), free, strict=False):
        trip = view.timetable.network.trips[id]
        headway_s = min(view.headway_s(trip), HORIZON_S)
        effect = Effect(round(view.riders_ahead_per_s(trip, 0) * headway_s**2, 1), 0.0, -float(trip.arrival_s[-1] - trip.departure_s[0]))
        why = f"trip {id} has no bus: without one its riders wait {_minutes(headway_s)} more"
        until_ns = view.now_ns + round(headway_s / 2 * SECOND_NS)
        line = view.direction[0]
        yield Wish(Proposal(OrderKind.INSERT, line, vehicle, id, 0, 0.0, why, effect, 0.8, view.now_ns, until_ns))


def cancel(view: View) -> Iterator[Wish]:
    """A bus with its follower at its back and with few riders, too late for its own next trip: from its next stop but one it runs no more.

    Two gaps h, g become one and cost r h g. That the next trip leaves L sooner, with even headways around, gains r L^2 (Welding 1957).
    Assumed: the bus is at its next terminal sooner by the running time of what it leaves out, and the follower takes its riders.
    """
    for bus in view.buses:
        row = min(bus.state.next_stop + 1, len(bus.trip.arrival_s) - 1)
        following = view.timetable.next_of_duty.get(bus.trip.id)
        met = view.at(bus, row) if bus.state.duty is Duty.ON_TRIP and following is not None and view.vehicles > 2 else None
        if met is None or following is None or row >= len(bus.trip.arrival_s) - 2:
            continue
        behind_s = met.followers_eta_s[0] - met.now_s
        late_s = bus.arrival_s(len(bus.trip.arrival_s) - 1) + view.plan.layover_s - float(following.departure_s[0])
        load = bus.load(view.plan)
        if behind_s > 0.25 * met.planned_headway_s or late_s < 0.5 * met.planned_headway_s or 2 * load > view.plan.capacity:
            continue
        ahead_s = float(bus.trip.arrival_s[-1] - bus.trip.departure_s[row])
        mended_s = min(late_s, ahead_s, met.planned_headway_s)
        lost_s = view.riders_ahead_per_s(bus.trip, row) * met.forward_headway_s * behind_s
        gained_s = view.riders_ahead_per_s(following, 0) * mended_s**2
        effect = Effect(round(gained_s - lost_s, 1), round(-load * behind_s, 1), ahead_s)
        why = f"its follower is {_minutes(behind_s)} behind, and its next trip would leave {_minutes(late_s)} late"
        until_s = view.now_s + max(NOTICE_S, bus.arrival_s(row) - view.now_s)
        yield Wish(_proposal(view, bus, OrderKind.CANCEL, row, 0.0, why, effect, 0.5, until_s))


def _coming(view: View) -> Iterator[tuple[Bus, int, AtControlStop]]:
    """Buses that will soon be ready to leave a control stop, and what they meet there."""
    for bus in view.buses:
        row = view.next_control(bus)
        if row is None or bus.state.duty is not Duty.ON_TRIP:
            continue
        met = view.at(bus, row)
        if met is not None and view.now_s <= met.now_s <= view.now_s + HOLD_AHEAD_S:
            yield bus, row, met


def _riders_hold_s(view: View, bus: Bus, row: int, met: AtControlStop) -> float:
    """The hold that costs riders least, of those who wait ahead and those who ride: the top of w r u (g - h - u) - load u."""
    ahead = view.plan.waiting_weight * view.riders_ahead_per_s(bus.trip, row)
    behind_s = met.followers_eta_s[0] - met.now_s
    gain = ahead * (behind_s - met.forward_headway_s) - met.load
    return 0.5 * gain / ahead if gain > 0.0 else 0.0


def _told(time_s: float) -> float:
    """A round time, no farther from zero."""
    return STEP_S * int(time_s / STEP_S)


def _shifting(view: View, bus: Bus, one: Proposal, met: AtControlStop, shift_s: float, least_s: float = 0.0) -> Wish:
    slack_s = met.followers_eta_s[0] - met.now_s - met.forward_headway_s
    return Wish(one, shift_s, least_s, slack_s, view.riders_ahead_per_s(bus.trip, one.stop), met.load, met.follower)


def _sure(margin_s: float, *sigmas_s: float) -> float:
    """The probability that a margin known so well is above zero."""
    sigma_s = max(sqrt(sum(sigma_s**2 for sigma_s in sigmas_s)), 1.0)
    return round(0.5 * (1.0 + erf(margin_s / (sigma_s * sqrt(2.0)))), 2)


def _follower_sigma_s(view: View, bus: Bus, row: int) -> float:
    """Of the nearest bus behind, as far as it is known."""
    place = view.timetable.places[bus.trip.pattern][row]
    rows = ((other, view.timetable.rows[other.trip.pattern].get(place)) for other in view.buses if other is not bus)
    behind = [(other.ready_s(at, view.now_s), other.sigma_s(at, view.now_s)) for other, at in rows if at is not None]
    ready_s = bus.ready_s(row, view.now_s)
    return min(((time_s, sigma_s) for time_s, sigma_s in behind if time_s >= ready_s), default=(0.0, 0.0))[1]


def _minutes(time_s: float) -> str:
    return f"{time_s / 60.0:.1f} min"


def _proposal(
    view: View, bus: Bus, kind: OrderKind, row: int, value: float, why: str, effect: Effect, confidence: float, until_s: float
) -> Proposal:
    until_ns = view.timetable.network.midnight_ns + round(min(until_s, view.now_s + HORIZON_S) * SECOND_NS)
    return Proposal(
        kind,
        view.direction[0],
        bus.state.vehicle,
        bus.trip.id,
        row,
        value,
        why,
        effect,
        min(max(confidence, 0.0), 1.0),
        view.now_ns,
        until_ns,
    )
