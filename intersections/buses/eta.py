"""When buses will be at the stops ahead of them: timetable and present deviation, corrected by what has been learnt, with its spread.

    where the bus was at its last report -> timetable + deviation -> + law of its error -> spread -> only what lies ahead of now

Rules:
* Causal: outcomes are learnt from calls as they become known, with the states and the segments' times as they were then.
* What is predicted follows from the last report; that the bus has not been seen at a stop until now cuts off what would be past.
* Arrivals are not before now and do not decrease along the stops. A cancelled trip has none from where it is cancelled.
* A bus at its terminal leaves by the timetable, or now.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.buses.arrival_law import ArrivalLaw, terms
from intersections.buses.leaders import Leaders
from intersections.buses.network import BusNetwork, Floats
from intersections.buses.samples import BusState, Duty, Prediction, Predictor, StopCall
from intersections.buses.segment_times import SegmentTimes
from intersections.buses.timetable import Rows, Timetable

FRAME_S = 120.0  # between the states that are kept to learn from
FRAMES = 16  # of these: half an hour
TREND_FRAMES, TREND_MOST_S = 5, 600.0
ON_THE_WAY = frozenset({Duty.ON_TRIP, Duty.AT_TERMINAL, Duty.DETOUR})
HISTORY_OUTCOMES = 10_000.0
DAY_S = 1e6  # more than any time of a service day: separates buses in one running maximum
LOGIT_90 = np.log(9.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Buses at their last reports: (buses,) each. `first`: stop from which on arrivals are ahead."""

    trip: Rows
    first: Rows
    left_s: Floats  # when the bus was at its place; at the terminal when it will leave
    scheduled_s: Floats  # when the timetable has it there
    lately_s: Floats  # running excess along the pattern up to the place
    usual_s: Floats
    bus: Floats  # (buses, 5): deviation, its trend, behind the leader, speed, load


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """What was known at one time. `lately_s`, `usual_s`: (rows,) running excess along all patterns. `row_of`: by trip."""

    seen: _Seen
    lately_s: Floats
    usual_s: Floats
    row_of: dict[int, int]

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self.seen, name) for name in _Seen.__slots__} | {"all_lately_s": self.lately_s, "all_usual_s": self.usual_s}

    @classmethod
    def of(cls, seen: _Seen, lately_s: Floats, usual_s: Floats) -> "_Frame":
        return cls(seen, lately_s, usual_s, {trip: row for row, trip in enumerate(seen.trip.tolist())})


class Predictions:
    def __init__(self, network: BusNetwork) -> None:
        self._midnight_ns = network.midnight_ns
        self._timetable = Timetable(network)
        self._segments = SegmentTimes(self._timetable)
        self._leaders = Leaders(len(self._timetable.stop_m))
        self._law = ArrivalLaw()
        self._passed: dict[str, tuple[int, int, float, float]] = {}  # by vehicle: trip, stop, time left for the next, its timetable
        self._frames: deque[_Frame] = deque(maxlen=FRAMES)
        self._framed_s = -np.inf
        self.cancelled: dict[str, int] = {}  # trips, and the stop from which on they are not run

    def observe(self, calls: Sequence[StopCall]) -> None:
        """Stop calls, each as soon as it is known, in order of time for each vehicle; told again when the bus has left."""
        new = [(self._timetable.trips[call.trip], call) for call in calls if call.trip in self._timetable.trips]
        new = [(trip, call) for trip, call in new if 0 <= call.stop < self._timetable.trip_length[trip] and self._is_new(trip, call)]
        self._learn_outcomes([one for one in new if one[1].stop])
        self._learn_segments(new)

    def _is_new(self, trip: int, call: StopCall) -> bool:
        last = self._passed.get(call.vehicle)
        return call.stop == 0 or last is None or last[0] != trip or last[1] < call.stop

    def _learn_segments(self, calls: Sequence[tuple[int, StopCall]]) -> None:
        table, found = self._timetable, []
        for trip, call in calls:
            row = table.trip_first[trip] + call.stop
            last = self._passed.get(call.vehicle)
            if last and last[0] == trip and last[1] == call.stop - 1:
                excess_s = (call.arrived_s - last[2]) - (table.arrival_s[row] - last[3])
                found.append((table.segment[table.trip_row[trip] + call.stop], excess_s, call.arrived_s))
            if call.stop:
                deviation_s = call.arrived_s - float(table.arrival_s[row])
                self._leaders.add(int(table.trip_row[trip]) + call.stop, trip, deviation_s, call.arrived_s)
            left_s, scheduled_s = (call.arrived_s, table.arrival_s[row]) if call.stop else (call.left_s, table.departure_s[row])
            self._passed[call.vehicle] = (trip, call.stop, left_s, float(scheduled_s))
        if found:
            self._segments.add(*(np.array(column) for column in zip(*found, strict=True)))

    def _learn_outcomes(self, calls: Sequence[tuple[int, StopCall]]) -> None:
        rows, errors_s, ahead_s = [], [], []
        trips = np.array([trip for trip, _ in calls], np.int64)
        stops = np.array([call.stop for _, call in calls], np.int64)
        arrived_s = np.array([call.arrived_s for _, call in calls])
        for frame in self._frames if calls else ():
            bus = np.array([frame.row_of.get(int(trip), -1) for trip in trips])
            known = np.flatnonzero(bus >= 0)
            known = known[(frame.seen.first[bus[known]] <= stops[known]) & (frame.seen.left_s[bus[known]] < arrived_s[known])]
            if len(known):
                naive_s, its = self._naive(frame, bus[known], stops[known])
                rows.append(its)
                errors_s.append(arrived_s[known] - naive_s)
                ahead_s.append(naive_s + self._law.error_s(its) - frame.seen.left_s[bus[known]])
        if rows:
            self._law.learn(np.concatenate(rows), np.concatenate(errors_s), np.concatenate(ahead_s))

    def _naive(self, frame: _Frame, bus: Rows, stop: Rows) -> tuple[Floats, Floats]:
        """Timetable + deviation, and the terms of its error."""
        table, seen = self._timetable, frame.seen
        trip = seen.trip[bus]
        row = table.trip_row[trip] + stop
        scheduled_s = table.arrival_s[table.trip_first[trip] + stop]
        ahead_s = np.maximum(scheduled_s - seen.scheduled_s[bus], 0.0)
        lately_s, usual_s = frame.lately_s[row] - seen.lately_s[bus], frame.usual_s[row] - seen.usual_s[bus]
        timed = table.timed[row - 1] > table.timed[table.trip_row[trip] + seen.first[bus] - 1]
        return scheduled_s + seen.bus[bus, 0], terms(ahead_s, lately_s, usual_s, timed.astype(np.float64), seen.bus[bus])

    def predict(self, states: Sequence[BusState], now_ns: int) -> list[Prediction]:
        """For each bus on its way the stops ahead; none for those off duty, doubted, or at the end of their trip."""
        now_s = (now_ns - self._midnight_ns) / 1e9
        known = [(self._timetable.trips[state.trip], state) for state in states if state.trip in self._timetable.trips]
        known = [(trip, state) for trip, state in known if state.duty in ON_THE_WAY and state.next_stop < self._timetable.trip_length[trip]]
        frame, weight = self._look(known, now_s)
        if now_s - self._framed_s >= FRAME_S:
            self._frames.append(frame)
            self._framed_s = now_s
        return self._told([state for _, state in known], frame, weight, now_s)

    def _look(self, known: Sequence[tuple[int, BusState]], now_s: float) -> tuple[_Frame, Floats]:
        """Where the buses are between the stops of their patterns, by place, timetable and excess."""
        table = self._timetable
        lately, weight = self._segments.lately_s(now_s)
        along = table.along(lately), table.along(self._segments.usual_s(now_s))
        trip = np.array([trip for trip, _ in known], np.int64)
        place_m = np.array([state.place_m for _, state in known])
        stop = np.array([state.next_stop for _, state in known], np.int64)
        at_stop = np.array([state.at_stop for _, state in known], np.bool_)
        waits = np.array([state.duty is Duty.AT_TERMINAL or state.next_stop == 0 for _, state in known], np.bool_)
        at_s = (np.array([state.measured_ns for _, state in known], np.int64) - self._midnight_ns) / 1e9
        beyond = at_stop | (table.stop_m[table.trip_row[trip] + stop] <= place_m) | waits
        first = stop + beyond
        here = np.minimum(first, table.trip_length[trip] - 1)
        before = np.maximum(here - 1, 0)
        behind_m, ahead_m = table.stop_m[table.trip_row[trip] + before], table.stop_m[table.trip_row[trip] + here]
        part = np.clip((place_m - behind_m) / np.maximum(ahead_m - behind_m, 1.0), 0.0, 1.0)
        part = np.where(waits, 0.0, part)
        call = table.trip_first[trip]
        from_s = np.where(before == 0, table.departure_s[call], table.arrival_s[call + before])
        scheduled_s = from_s + part * np.maximum(table.arrival_s[call + here] - from_s, 0.0)
        left_s = np.where(waits, np.maximum(now_s, scheduled_s), at_s)
        run = [one[table.trip_row[trip] + before] * (1.0 - part) + one[table.trip_row[trip] + here] * part for one in along]
        deviation_s = left_s - scheduled_s
        behind_s = self._leaders.behind_s(trip, table.trip_row[trip] + before, deviation_s, now_s)
        speed_mps = np.nan_to_num(np.array([state.speed_mps for _, state in known], np.float64))
        load = np.array([max(state.load, 0) for _, state in known], np.float64)
        bus = np.column_stack([deviation_s, self._trend_s(trip, deviation_s), behind_s, speed_mps, load])
        seen = _Seen(trip, first, left_s, scheduled_s, run[0], run[1], bus)
        return _Frame.of(seen, *along), weight

    def _trend_s(self, trip: Rows, deviation_s: Floats) -> Floats:
        """What the deviations have grown by since TREND_FRAMES ago."""
        if len(self._frames) < TREND_FRAMES or not len(self._frames[-TREND_FRAMES].row_of):
            return np.zeros(len(trip))
        then = self._frames[-TREND_FRAMES]
        row = np.array([then.row_of.get(one, -1) for one in trip.tolist()], np.int64)
        return np.where(row >= 0, np.clip(deviation_s - then.seen.bus[row, 0], -TREND_MOST_S, TREND_MOST_S), 0.0)

    def _told(self, states: Sequence[BusState], frame: _Frame, weight: Floats, now_s: float) -> list[Prediction]:
        table, seen = self._timetable, frame.seen
        last = np.array([self.cancelled.get(state.trip, np.iinfo(np.int64).max) for state in states], np.float64)
        count = np.maximum(np.minimum(table.trip_length[seen.trip], last).astype(np.int64) - seen.first, 0)
        bus = np.repeat(np.arange(len(states)), count)
        start = np.cumsum(count) - count
        stop = np.arange(len(bus)) - start[bus] + seen.first[bus]
        naive_s, rows = self._naive(frame, bus, stop)
        likely_s = naive_s + self._law.error_s(rows)
        quantiles_s = likely_s[:, None] + self._law.spread_s(likely_s - seen.left_s[bus])
        quantiles_s = ahead_of(now_s, quantiles_s)
        offset = bus[:, None] * DAY_S
        quantiles_s = np.maximum.accumulate(quantiles_s + offset, axis=0) - offset
        recent = np.zeros(len(states), np.bool_)
        np.logical_or.at(recent, bus, weight[table.segment[table.trip_row[seen.trip[bus]] + stop]] > 0.0)
        return [
            self._prediction(
                state, int(seen.first[one]), now_s, quantiles_s[start[one] : start[one] + count[one]], recent=bool(recent[one])
            )
            for one, state in enumerate(states)
            if count[one]
        ]

    def _prediction(self, state: BusState, first: int, now_s: float, quantiles_s: Floats, *, recent: bool) -> Prediction:
        p10_s, p50_s, p90_s = quantiles_s.T
        if self._law.outcomes >= HISTORY_OUTCOMES:
            predictor = Predictor.LEARNT
        elif recent:
            predictor = Predictor.RECENT
        else:
            predictor = Predictor.SCHEDULE if state.duty is Duty.AT_TERMINAL else Predictor.DEVIATION
        return Prediction(state.vehicle, state.trip, first, now_s, p10_s, p50_s, p90_s, predictor)

    def learnt(self) -> dict[str, NDArray[Any]]:
        """What the next day may begin with."""
        return {**self._segments.learnt(), **self._law.snapshot()}

    def begin(self, learnt: Mapping[str, NDArray[Any]]) -> None:
        self._segments.begin(learnt)
        self._law.restore(learnt)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """All that later predictions depend on."""
        frames = {f"{row}/{name}": array for row, frame in enumerate(self._frames) for name, array in frame.arrays().items()}
        return {
            **{f"frames/{name}": array for name, array in frames.items()},
            "framed_s": np.array(self._framed_s),
            "vehicles": np.array(list(self._passed), np.str_),
            "passed": np.array(list(self._passed.values()), np.float64).reshape(-1, 4),
            "cancelled": np.array(list(self.cancelled), np.str_),
            "cancelled_from": np.array(list(self.cancelled.values()), np.int64),
            **self._leaders.snapshot(),
            **self._segments.snapshot(),
            **self._law.snapshot(),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of predictions of the same network."""
        self._leaders.restore(arrays)
        self._segments.restore(arrays)
        self._law.restore(arrays)
        passed = zip(arrays["vehicles"].tolist(), arrays["passed"].tolist(), strict=True)
        self._passed = {vehicle: (int(trip), int(stop), left_s, scheduled_s) for vehicle, (trip, stop, left_s, scheduled_s) in passed}
        self.cancelled = dict(zip(arrays["cancelled"].tolist(), arrays["cancelled_from"].tolist(), strict=True))
        self._framed_s = float(arrays["framed_s"])
        rows = sorted({int(name.split("/")[1]) for name in arrays if name.startswith("frames/")})
        self._frames.clear()
        self._frames.extend(_restored(arrays, f"frames/{row}/") for row in rows)


def _restored(arrays: Mapping[str, NDArray[Any]], prefix: str) -> _Frame:
    seen = _Seen(*(arrays[prefix + name] for name in _Seen.__slots__))
    return _Frame.of(seen, arrays[prefix + "all_lately_s"], arrays[prefix + "all_usual_s"])


def ahead_of(now_s: float, quantiles_s: Floats) -> Floats:
    """(rows, 3) the 10, 50 and 90 % quantiles given that it is later than now: two half logistic laws that meet at the median, cut off."""
    likely_s = quantiles_s[:, 1]
    scale_s = np.where(now_s < likely_s, likely_s - quantiles_s[:, 0], quantiles_s[:, 2] - likely_s) / LOGIT_90
    gone = 1.0 / (1.0 + np.exp(np.clip((likely_s - now_s) / np.maximum(scale_s, 1e-3), -30.0, 30.0)))
    levels = gone[:, None] + (1.0 - gone[:, None]) * np.array([0.1, 0.5, 0.9])
    logits = np.log(levels / np.maximum(1.0 - levels, 1e-13))
    sides_s = np.where(logits < 0.0, likely_s[:, None] - quantiles_s[:, :1], quantiles_s[:, 2:] - likely_s[:, None]) / LOGIT_90
    cut_s: Floats = np.maximum(likely_s[:, None] + sides_s * logits, now_s)
    return cut_s
