"""Small simulated scenes for the tracker: truth by formula, and two noisy roadside stations with fixed offsets that look at it.

Everything is seeded. A scene is a list of road users, each a function of time to (east, north, speed, heading) or None when absent.
"""

from dataclasses import dataclass, field

import numpy as np

from positioning.frames import LocalFrame
from positioning.samples import DETECTION_COLUMNS, Detection, FixStatus, MotionSample, ObjectClass, Role, RsuFrame

START_NS = 1_700_000_000_000_000_000
FRAME = LocalFrame(0.9123, 0.1838, 80.0)
NAN = float("nan")


def seconds(time_s):
    return START_NS + round(time_s * 1e9)


def detection_row(east, north, speed=NAN, heading=NAN, **more):
    row = np.full(DETECTION_COLUMNS, NAN)
    latitude, longitude = FRAME.geodetic_from_enu([east], [north])
    row[:4] = latitude[0], longitude[0], speed, heading
    for name, value in more.items():
        row[Detection[name.upper()]] = value
    return row


def rsu_frame(time_s, rows, *, station="a", sequence=0, local_ids=None, classes=None, received_s=None):
    count = len(rows)
    table = np.array(rows, dtype=float).reshape(count, DETECTION_COLUMNS)
    table[:, Detection.LOCAL_ID] = np.arange(count) if local_ids is None else local_ids
    table[:, Detection.OBJECT_CLASS] = ObjectClass.CAR if classes is None else classes
    return RsuFrame(station, "x", sequence, seconds(time_s), seconds(time_s if received_s is None else received_s), table)


def motion_sample(time_s, row, *, vehicle="v", sequence=0, received_s=None, kind=ObjectClass.CAR):
    received = seconds(time_s if received_s is None else received_s)
    row = row.copy()
    row[Detection.OBJECT_CLASS] = kind
    return MotionSample(vehicle, "x", sequence, seconds(time_s), received, kind, Role.PRIVATE, FixStatus.SINGLE, row)


@dataclass
class User:
    """`at(t)` -> (east, north, speed, heading) or None; `hidden` -> stations that do not see it at t."""

    at: object
    kind: ObjectClass = ObjectClass.CAR
    hidden: object = lambda _t: ()
    connected: bool = False
    size: tuple = (4.5, 1.8)


@dataclass
class Station:
    name: str
    offset: tuple = (0.0, 0.0, 0.0)  # east m, north m, clockwise yaw rad about (0, 0)
    phase_s: float = 0.0


@dataclass
class Noise:
    position_m: float = 0.3
    heading_rad: float = np.radians(2.0)
    speed_mps: float = 0.3
    misses: float = 0.02
    clutter: float = 0.2  # per frame
    area_m: float = 90.0
    latency_s: tuple = (0.02, 0.08)
    swap_ids: float = 0.0


@dataclass
class Scene:
    users: list
    stations: list = field(default_factory=lambda: [Station("a"), Station("b", phase_s=0.05)])
    noise: Noise = field(default_factory=Noise)
    seed: int = 1

    def events(self, duration_s):
        """(received_s, sample), in the order of receipt."""
        rng = np.random.default_rng(self.seed)
        ids = {}
        waiting = []
        for station in self.stations:
            for k in range(round(duration_s * 10)):
                t = station.phase_s + k * 0.1
                waiting.append(self._frame(rng, station, t, k, ids))
        biases = rng.normal(0, 1.2, (len(self.users), 2))
        for index, user in enumerate(self.users):
            if user.connected:
                bias = biases[index]
                for k in range(round(duration_s * 10)):
                    t = 0.013 * index % 0.1 + 0.1 * k
                    bias = bias + rng.normal(0, 0.1, 2) - 0.0035 * bias
                    state = user.at(t)
                    if state is not None:
                        waiting.append(self._own(rng, index, user, t, k, state, bias))
        return sorted(waiting, key=lambda pair: pair[0])

    def _frame(self, rng, station, t, sequence, ids):
        n, rows, local_ids, classes = self.noise, [], [], []
        for index, user in enumerate(self.users):
            state = user.at(t)
            if state is None or station.name in user.hidden(t) or rng.random() < n.misses:
                continue
            key = (station.name, index)
            if key not in ids or rng.random() < n.swap_ids or t - ids[key][1] > 1.0:
                ids[key] = [len(ids) * 7 + int(t * 10), t]
            ids[key][1] = t
            east, north = _shifted(state[0], state[1], station.offset)
            rows.append(
                detection_row(
                    east + rng.normal(0, n.position_m),
                    north + rng.normal(0, n.position_m),
                    max(0.0, state[2] + rng.normal(0, n.speed_mps)),
                    (state[3] + station.offset[2] + rng.normal(0, n.heading_rad)) % (2 * np.pi),
                    length_m=user.size[0] + rng.normal(0, 0.2),
                    width_m=user.size[1] + rng.normal(0, 0.1),
                    position_sigma_m=max(n.position_m, 0.01),
                    speed_sigma_mps=max(n.speed_mps, 0.01),
                    heading_sigma_rad=max(n.heading_rad, 0.001),
                    existence=0.95,
                )
            )
            local_ids.append(ids[key][0] % 65536)
            classes.append(user.kind)
        for _ in range(rng.poisson(n.clutter)):
            place = rng.uniform(-n.area_m, n.area_m, 2)
            rows.append(detection_row(*place, rng.uniform(0, 15), rng.uniform(0, 2 * np.pi), position_sigma_m=0.3, existence=0.5))
            local_ids.append(int(rng.integers(0, 65536)))
            classes.append(int(rng.choice([1, 1, 5, 6])))
        received = t + rng.uniform(*n.latency_s)
        return received, rsu_frame(
            t, rows, station=station.name, sequence=sequence, local_ids=local_ids, classes=classes, received_s=received
        )

    def _own(self, rng, index, user, t, sequence, state, bias):
        row = detection_row(
            state[0] + bias[0] + rng.normal(0, 0.2),
            state[1] + bias[1] + rng.normal(0, 0.2),
            max(0, state[2] + rng.normal(0, 0.1)),
            (state[3] + rng.normal(0, 0.01)) % (2 * np.pi),
            position_sigma_m=1.5,
            speed_sigma_mps=0.2,
            heading_sigma_rad=0.02,
        )
        received = t + rng.uniform(*self.noise.latency_s)
        return received, motion_sample(t, row, vehicle=f"v{index}", sequence=sequence, received_s=received, kind=user.kind)


def _shifted(east, north, offset):
    return east + offset[0] + north * offset[2], north + offset[1] - east * offset[2]


@dataclass
class Score:
    """Object-seconds and track-seconds are counted in views of 0.1 s."""

    covered: int = 0
    wanted: int = 0
    false: int = 0
    shown: int = 0
    switches: int = 0
    errors: list = field(default_factory=list)
    speed_errors: list = field(default_factory=list)
    ids: dict = field(default_factory=dict)
    objects: set = field(default_factory=set)

    @property
    def coverage(self):
        return self.covered / max(1, self.wanted)

    @property
    def false_share(self):
        return self.false / max(1, self.shown)

    @property
    def median_error_m(self):
        return float(np.median(self.errors))

    @property
    def switches_per_object(self):
        return self.switches / max(1, len(self.objects))

    def __str__(self):
        return (
            f"covered {self.coverage:.4f} false {self.false_share:.4f} "
            f"median {self.median_error_m:.3f} m "
            f"p95 {np.percentile(self.errors, 95):.3f} speed {np.median(self.speed_errors):.2f} "
            f"switches {self.switches}/{len(self.objects)}"
        )


def play(scene, table, duration_s, *, warm_s=1.0, gate_m=2.0, on_view=None):
    """Feed the scene in order of receipt and look ten times a second; wanted = seen by a station within the last 2 s."""
    score, events, k = Score(), scene.events(duration_s), 0
    last_seen = {}
    for step in range(1, round(duration_s * 10)):
        now = step * 0.1
        while k < len(events) and events[k][0] <= now:
            table.expire(seconds(events[k][0]))
            sample = events[k][1]
            if isinstance(sample, RsuFrame):
                table.update_frame(sample)
            else:
                table.update_motion([sample])
            k += 1
        table.expire(seconds(now))
        view = table.view(seconds(now))
        if on_view:
            on_view(now, view)
        if now >= warm_s:
            _judge(score, scene, view, now, gate_m, last_seen)
        else:
            _wanted(scene, now, last_seen)
    return score


def _wanted(scene, now, last_seen):
    truth = {}
    for index, user in enumerate(scene.users):
        state = user.at(now)
        if state is None:
            last_seen.pop(index, None)
            continue
        visible = [s for s in scene.stations if s.name not in user.hidden(now)]
        if visible:
            last_seen[index] = now
        truth[index] = state
    return truth


def _judge(score, scene, view, now, gate_m, last_seen):
    from scipy.optimize import linear_sum_assignment

    truth = _wanted(scene, now, last_seen)
    keys = list(truth)
    places = np.array([truth[k][:2] for k in keys]).reshape(-1, 2)
    distance = np.hypot(*(places[:, None, :] - view.motion[None, :, :2]).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(np.minimum(distance, 50.0))
    matched = {keys[r]: c for r, c in zip(rows, columns, strict=True) if distance[r, c] <= gate_m}
    score.shown += len(view.ids)
    score.false += len(view.ids) - len(matched)
    for key in keys:
        wanted = key in last_seen and now - last_seen[key] <= 2.0
        score.wanted += wanted
        if key in matched:
            column = matched[key]
            score.covered += wanted
            score.objects.add(key)
            score.errors.append(distance[keys.index(key), column])
            score.speed_errors.append(abs(view.motion[column, 2] - truth[key][2]))
            identity = int(view.ids[column])
            score.switches += key in score.ids and score.ids[key] != identity
            score.ids[key] = identity


def straight(east, north, heading, speed, start_s=0.0, end_s=1e9):
    """Constant speed from a place at `start_s`."""

    def at(t):
        if not start_s <= t <= end_s:
            return None
        gone = speed * (t - start_s)
        return east + gone * np.sin(heading), north + gone * np.cos(heading), speed, heading % (2 * np.pi)

    return at


def along(profile, east, north, heading, start_s=0.0, end_s=1e9):
    """`profile(t)` -> (travelled m, speed) on a straight line."""

    def at(t):
        if not start_s <= t <= end_s:
            return None
        gone, speed = profile(t - start_s)
        return east + gone * np.sin(heading), north + gone * np.cos(heading), speed, heading % (2 * np.pi)

    return at


def stop_and_go(speed, brake_at_s, wait_s, deceleration=3.0, acceleration=2.0):
    """Drive, brake to a stop, wait, drive off: (travelled, speed)."""
    brake_s = speed / deceleration

    def profile(t):
        if t < brake_at_s:
            return speed * t, speed
        gone = speed * brake_at_s
        if t < brake_at_s + brake_s:
            u = t - brake_at_s
            return gone + speed * u - 0.5 * deceleration * u * u, speed - deceleration * u
        gone += 0.5 * speed * brake_s
        u = t - brake_at_s - brake_s - wait_s
        if u <= 0:
            return gone, 0.0
        rise = min(u, speed / acceleration)
        return gone + 0.5 * acceleration * rise * rise + speed * (u - rise), acceleration * rise

    return profile


def turning(east, north, heading, speed, straight_s, radius_m, angle_rad, start_s=0.0, end_s=1e9):
    """Straight, then an arc (positive = clockwise), then straight."""
    rate = speed / radius_m * np.sign(angle_rad)
    arc_s = abs(angle_rad) * radius_m / speed

    def at(t):
        if not start_s <= t <= end_s:
            return None
        u = t - start_s
        a = min(u, straight_s)
        e, n = east + speed * a * np.sin(heading), north + speed * a * np.cos(heading)
        b = min(max(u - straight_s, 0.0), arc_s)
        h = heading + rate * b
        half = rate * b / 2
        chord = speed * b * (np.sin(half) / half if half else 1.0)
        e, n = e + chord * np.sin(heading + half), n + chord * np.cos(heading + half)
        c = max(u - straight_s - arc_s, 0.0)
        return e + speed * c * np.sin(h), n + speed * c * np.cos(h), speed, h % (2 * np.pi)

    return at


def traffic(*, connected=False):
    """Two crossing streams of ten cars each, with gaps."""
    users = []
    for k in range(10):
        users += [
            User(straight(-60, -3.5, np.pi / 2, 9 + k % 3, start_s=3 * k, end_s=3 * k + 12), connected=connected),
            User(straight(3.5, -60, 0.0, 10 - k % 3, start_s=3 * k + 1.5, end_s=3 * k + 13), connected=connected),
        ]
    return users


def assert_same(first, second):
    """Two snapshots, bit for bit."""
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype, name
        assert first[name].tobytes() == second[name].tobytes(), name
