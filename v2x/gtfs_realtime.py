"""What is known of the buses as GTFS-realtime: TripUpdates, VehiclePositions and Alerts (GTFS Realtime reference, version 2.0).

Rules:
* A `DecisionSink`: feeds are made when they are asked for, from the latest report of each network, and kept until the next.
* Ids are those of the timetable's feed. A stop is told by `stop_id` and, as a loop comes to one twice, by `stop_sequence`; a
  trip of frequencies.txt by trip_id and start_time.
* `uncertainty` is half of the band from 10 to 90 %, s. A cancelled trip has no times.
* What a vehicle was last heard of is its position; nothing is extrapolated here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import degrees, isfinite, radians

import numpy as np
from google.transit import gtfs_realtime_pb2 as realtime

from intersections.buses.decisions import BusReport, OrderNews
from intersections.buses.network import BusNetwork, Pattern
from intersections.buses.orders import OrderKind, OrderState
from intersections.buses.samples import BusState, Duty, Prediction
from intersections.decisions import Decision
from intersections.geometry import arc_lengths
from positioning.frames import LocalFrame

VERSION = "2.0"
HALF_DAY_S = 43_200
SECONDS_PER_DEGREE = 240.0  # of longitude, of the sun's time
CANCELLED = frozenset({OrderState.ACKNOWLEDGED, OrderState.CARRIED_OUT})
ON_TRIP = frozenset({Duty.ON_TRIP, Duty.AT_TERMINAL, Duty.DETOUR})


class RealtimeFeeds:
    def __init__(self, networks: Mapping[str, BusNetwork]) -> None:
        self.networks = dict(networks)
        self._reports: dict[str, BusReport] = {}
        self._cancelled: dict[str, dict[str, int]] = {name: {} for name in networks}
        self._made: dict[tuple[str, str], bytes] = {}

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:  # noqa: ARG002 - the Protocol's
        for decision in decisions:
            if isinstance(decision, BusReport) and decision.intersection in self.networks:
                self._reports[decision.intersection] = decision
                self._made = {key: made for key, made in self._made.items() if key[0] != decision.intersection}
            elif isinstance(decision, OrderNews) and decision.record.order.kind is OrderKind.CANCEL:
                self._note(decision)

    def _note(self, news: OrderNews) -> None:
        order, cancelled = news.record.order, self._cancelled.get(news.intersection)
        if cancelled is not None and news.record.state in CANCELLED:
            cancelled[order.trip] = max(order.stop, 0)
        elif cancelled is not None:
            cancelled.pop(order.trip, None)

    async def told(self, network: str, kind: str) -> bytes | None:
        """As `FeedServer` asks."""
        return self.feed(network, kind)

    def feed(self, network: str, kind: str) -> bytes | None:
        """The message of a `kind` in FEEDS; None before the first report, and of what is not here."""
        report = self._reports.get(network)
        if report is None or kind not in FEEDS:
            return None
        if (network, kind) not in self._made:
            message = FEEDS[kind](self.networks[network], report, self._cancelled[network])
            self._made[network, kind] = message.SerializeToString()
        return self._made[network, kind]


def trip_updates(network: BusNetwork, report: BusReport, cancelled: Mapping[str, int]) -> realtime.FeedMessage:
    message = _message(report)
    for trip in cancelled:
        if trip in network.trips:
            update = message.entity.add(id=f"cancelled-{trip}").trip_update
            _describe(update.trip, network, trip)
            update.trip.schedule_relationship = realtime.TripDescriptor.CANCELED
    states = {state.vehicle: state for state in report.states}
    for one in report.predictions:
        state = states.get(one.vehicle)
        if one.trip in network.trips and not (one.trip in cancelled and cancelled[one.trip] <= one.first_stop):
            _add_update(message, network, one, state)
    return message


def _add_update(message: realtime.FeedMessage, network: BusNetwork, one: Prediction, state: BusState | None) -> None:
    update = message.entity.add(id=one.trip).trip_update
    _describe(update.trip, network, one.trip)
    update.vehicle.id = one.vehicle
    if state is not None:
        update.timestamp = state.measured_ns // 1_000_000_000
    trip, midnight_s = network.trips[one.trip], network.midnight_ns // 1_000_000_000
    stops = network.patterns[trip.pattern].stops[one.first_stop :]
    scheduled_s = trip.arrival_s[one.first_stop :]
    columns = (np.rint(one.p50_s), np.rint((one.p90_s - one.p10_s) / 2.0), np.rint(one.p50_s - scheduled_s[: len(one.p50_s)]))
    rows = zip(stops, *(column.astype(np.int64).tolist() for column in columns), strict=False)
    for row, (stop, likely_s, uncertainty_s, delay_s) in enumerate(rows, one.first_stop):
        call = update.stop_time_update.add(stop_id=stop)
        if trip.sequence:
            call.stop_sequence = trip.sequence[row]
        call.arrival.time, call.arrival.uncertainty, call.arrival.delay = midnight_s + likely_s, uncertainty_s, delay_s


def vehicle_positions(network: BusNetwork, report: BusReport, cancelled: Mapping[str, int]) -> realtime.FeedMessage:  # noqa: ARG001 - one form
    message = _message(report)
    frame = LocalFrame(*map(radians, network.origin_deg))
    for state in report.states:
        pattern = network.patterns.get(state.pattern)
        if pattern is None or state.trip not in network.trips or state.duty not in ON_TRIP:
            continue
        vehicle = message.entity.add(id=state.vehicle).vehicle
        _describe(vehicle.trip, network, state.trip)
        vehicle.vehicle.id, vehicle.timestamp = state.vehicle, state.measured_ns // 1_000_000_000
        vehicle.position.latitude, vehicle.position.longitude = _degrees(frame, pattern, state.place_m)
        if isfinite(state.speed_mps):
            vehicle.position.speed = state.speed_mps
        if 0 <= state.next_stop < len(pattern.stops):
            vehicle.stop_id = pattern.stops[state.next_stop]
            if state.next_stop < len(sequence := network.trips[state.trip].sequence):
                vehicle.current_stop_sequence = sequence[state.next_stop]
            vehicle.current_status = realtime.VehiclePosition.STOPPED_AT if state.at_stop else realtime.VehiclePosition.IN_TRANSIT_TO
    return message


def alerts(network: BusNetwork, report: BusReport, cancelled: Mapping[str, int]) -> realtime.FeedMessage:
    """Trips that end before their last stop or do not run, and lines of which a bus has left its way."""
    message = _message(report)
    for trip, stop in cancelled.items():
        if trip in network.trips:
            alert = message.entity.add(id=f"cancelled-{trip}").alert
            alert.effect = realtime.Alert.NO_SERVICE
            _describe(alert.informed_entity.add().trip, network, trip)
            alert.header_text.translation.add(text=f"Trip {trip} does not run" + (" to its last stop." if stop else "."))
    for line in sorted({_line(network, state) for state in report.states if state.duty is Duty.DETOUR} - {""}):
        alert = message.entity.add(id=f"detour-{line}").alert
        alert.effect = realtime.Alert.DETOUR
        alert.informed_entity.add(route_id=line)
        alert.header_text.translation.add(text=f"Line {line}: a bus is on another way.")
    return message


FEEDS: dict[str, Callable[[BusNetwork, BusReport, Mapping[str, int]], realtime.FeedMessage]] = {
    "trip-updates": trip_updates,
    "vehicle-positions": vehicle_positions,
    "alerts": alerts,
}


def _message(report: BusReport) -> realtime.FeedMessage:
    message = realtime.FeedMessage()
    message.header.gtfs_realtime_version = VERSION
    message.header.incrementality = realtime.FeedHeader.FULL_DATASET
    message.header.timestamp = report.time_ns // 1_000_000_000
    return message


def _describe(trip: realtime.TripDescriptor, network: BusNetwork, id: str) -> None:
    known = network.trips[id]
    trip.trip_id, _, start_time = id.partition("@")
    trip.route_id = network.patterns[known.pattern].line
    trip.start_date = _service_date(network)
    if start_time:
        trip.start_time = start_time


def _service_date(network: BusNetwork) -> str:
    """Of the noon that follows second 0, by the sun over the network: clocks are nowhere half a day from it."""
    noon_s = network.midnight_ns // 1_000_000_000 + HALF_DAY_S
    return f"{datetime.fromtimestamp(noon_s + network.origin_deg[1] * SECONDS_PER_DEGREE, UTC):%Y%m%d}"


def _line(network: BusNetwork, state: BusState) -> str:
    pattern = network.patterns.get(state.pattern)
    return pattern.line if pattern is not None else ""


def _degrees(frame: LocalFrame, pattern: Pattern, place_m: float) -> tuple[float, float]:
    along_m = arc_lengths(pattern.points_m)
    east_m, north_m = (np.interp(place_m, along_m, pattern.points_m[:, axis]) for axis in (0, 1))
    latitude, longitude = frame.geodetic_from_enu(np.array([east_m]), np.array([north_m]))
    return degrees(latitude[0]), degrees(longitude[0])
