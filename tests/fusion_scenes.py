"""A drive that knows its truth, as measurements for the fusion core."""

import numpy as np

from positioning.frames import LocalFrame
from positioning.measurements import VALUES, Kind, MeasurementBatch
from positioning.samples import FixStatus

ZONE = LocalFrame(np.radians(31.2), np.radians(121.5), 10.0)
START_NS = 1_700_000_000_000_000_000
TICK_NS = 100_000_000
PLACES = (Kind.FIX, Kind.ROADSIDE_DETECTION, Kind.LANE)
ANCHORS_ENU = np.array([[0.0, 60.0], [150.0, -40.0], [300.0, 80.0], [-100.0, -150.0]])


def anchors():
    latitude, longitude = ZONE.geodetic_from_enu(ANCHORS_ENU[:, 0], ANCHORS_ENU[:, 1])
    return np.column_stack([latitude, longitude, np.full(len(latitude), 10.0)])


def batch(rows, vehicle=0):
    """rows: (kind, measured_ns, received_ns, values in the zone's plane)."""
    values = np.full((len(rows), VALUES), np.nan)
    for row, (kind, _, _, given) in enumerate(rows):
        values[row, : len(given)] = given
        if kind in PLACES:
            latitude, longitude = ZONE.geodetic_from_enu([given[0]], [given[1]])
            values[row, :2] = latitude[0], longitude[0]
    column = np.array([row[:3] for row in rows], dtype=np.int64).reshape(-1, 3)
    return MeasurementBatch(
        column[:, 0].astype(np.uint8), np.full(len(rows), vehicle, dtype=np.int64), column[:, 1].copy(), column[:, 2].copy(), values
    )


def merged(*batches):
    """One batch of several vehicles' rows."""
    names = "kind", "vehicle", "measured_ns", "received_ns", "values"
    return MeasurementBatch(*(np.concatenate([getattr(one, name) for one in batches]) for name in names))


def drive(seconds, seed=0, speed=10.0, ranges=False, turning=0.05):
    """-> per tick (now_ns, truth east, north, heading clockwise from north), and the rows measured then."""
    chance = np.random.default_rng(seed)
    east, north, heading = 0.0, 0.0, 1.0
    for tick in range(int(seconds * 10)):
        now = START_NS + tick * TICK_NS
        moving = tick > 5
        yaw = turning * np.sin(tick / 40) if moving else 0.0
        v = speed if moving else 0.0
        middle = heading + yaw * 0.05
        east, north, heading = east + v * 0.1 * np.sin(middle), north + v * 0.1 * np.cos(middle), heading + yaw * 0.1
        rows = [
            (Kind.WHEEL_SPEED, now, now, [v + chance.normal(0, 0.03) if moving else 0.0]),
            (Kind.YAW_RATE, now, now, [yaw + chance.normal(0, 0.001)]),
        ]
        if tick % 2 == 0:
            rows.append((Kind.FIX, now, now, fix(east + chance.normal(0, 0.03), north + chance.normal(0, 0.03))))
        if tick % 5 == 0:
            rows.append((Kind.VELOCITY, now, now, [v * np.sin(heading), v * np.cos(heading), 0.1, 15]))
        if ranges:
            apart = np.sqrt(((ANCHORS_ENU - [east, north]) ** 2).sum(axis=1) + 8.5**2)
            rows += [(Kind.RANGE, now, now, [far + chance.normal(0, 0.5), anchor]) for anchor, far in enumerate(apart)]
        yield now, np.array([east, north, heading]), rows


def fix(east, north, status=FixStatus.RTK_FIXED, satellites=15):
    return [east, north, 10.0, status, satellites, 1.0, 0.01]


def ran(engine, scene, change=lambda _, rows: rows):
    """One vehicle through a scene -> per tick: error m, protection level m, alert; NaN where there is no position."""
    scored = []
    for tick, (now, truth, rows) in enumerate(scene):
        engine.ingest(batch(change(tick, rows)))
        places = engine.step(now)
        if len(places.id):
            error = np.hypot(places.east_m[0] - truth[0], places.north_m[0] - truth[1])
            scored.append((error, places.protection_level_m[0], places.alert[0]))
        else:
            scored.append((np.nan, np.nan, False))
    return np.array(scored, dtype=np.float64)
