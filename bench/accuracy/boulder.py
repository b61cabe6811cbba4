"""The RTK receiver in Boulder: it is its own truth, so one row a second is handed over and the other fixed rows are scored.

Where an IMU file carries the drive's number, its vertical gyro gives the yaw rate. The origin of its clock and its sense are unknown: both
are found here, before the run, by correlation with the course that the receiver's velocity shows (constants of the installation).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy import rtklib
from bench.accuracy.runs import Rows, Run, Set, ns_of
from positioning.frames import LocalFrame
from positioning.measurements import Kind
from positioning.samples import FixStatus

FED_EVERY_S = 0.95  # one row a second, whatever the rate and its jitter
VELOCITY_SIGMA_MPS = 0.08  # carrier-phase velocity
LAGS_S = np.arange(-10, 10.01, 0.05)
GRID_S = 0.05
GYRO_EVERY_S = 0.2
MOVING_MPS = 3.0  # above it the course is a heading
IMU_YAW, IMU_TICK_MS = 5, 6
SENSORS = {"gyro": float(np.radians(0.1) * np.sqrt(0.2))}
Floats = NDArray[np.float64]


def sets(folder: Path, seeds: int) -> Iterator[Set]:
    del seeds  # nothing here is drawn
    for path in sorted(folder.glob("gnss_*.pos")):
        number = path.stem.split("_")[1]
        imu = folder / f"imu_{number}.csv"
        yield Set(f"boulder_{number}", [run(path, imu if imu.exists() else None)])


def run(path: Path, imu: Path | None) -> Run:
    solution = rtklib.read(path)
    fed = every(solution["time_s"], FED_EVERY_S)
    frame = LocalFrame(*np.radians([solution["latitude_deg"][0], solution["longitude_deg"][0]]), solution["height_m"][0])
    rows = Rows()
    rtklib.add_fixes(rows, {name: column[fed] for name, column in solution.items()}, VELOCITY_SIGMA_MPS)
    if imu is not None:
        time_s, yaw_rate_radps = yaw_rates(np.genfromtxt(imu, delimiter=","), solution)
        rows.add(Kind.YAW_RATE, ns_of(time_s), yaw_rate_radps)
    fixed = np.array([rtklib.STATUS.get(int(quality)) == FixStatus.RTK_FIXED for quality in solution["quality"]])
    truth = fixed & ~fed
    enu_m = frame.enu_from_geodetic(np.radians(solution["latitude_deg"][truth]), np.radians(solution["longitude_deg"][truth]))
    return Run(frame, rows.batch(), ns_of(solution["time_s"][truth]), enu_m, sensors=SENSORS if imu else {})


def every(time_s: Floats, period_s: float) -> NDArray[np.bool_]:
    """Marks the first row, and each that follows a marked one by at least the period."""
    marked, last = np.zeros(len(time_s), bool), -np.inf
    for index, time in enumerate(time_s):
        if time - last >= period_s:
            marked[index], last = True, time
    return marked


def yaw_rates(imu: Floats, solution: rtklib.Solution) -> tuple[Floats, Floats]:
    """GPS seconds and clockwise yaw rates, each the mean over the interval that ended then."""
    imu = imu[np.isfinite(imu).all(axis=1)]
    time_s, rate = (imu[:, IMU_TICK_MS] - imu[0, IMU_TICK_MS]) / 1000, np.radians(imu[:, IMU_YAW])
    start_s = solution["time_s"][0]
    lag_s, sense = alignment(time_s, rate, solution["time_s"] - start_s, solution["east_mps"], solution["north_mps"])
    bins = np.floor(time_s / GYRO_EVERY_S).astype(int)
    count, total = np.bincount(bins), np.bincount(bins, weights=rate)
    filled = np.flatnonzero(count)
    return start_s + lag_s + (filled + 1) * GYRO_EVERY_S, sense * total[filled] / count[filled]


def alignment(time_s: Floats, rate: Floats, course_time_s: Floats, east_mps: Floats, north_mps: Floats) -> tuple[float, float]:
    """Lag of the IMU's clock, s, and +1 where its rate is clockwise: where the correlation with the course's rate is greatest in size."""
    grid = np.arange(0.0, min(course_time_s[-1], time_s[-1]), GRID_S)
    course = np.unwrap(np.arctan2(east_mps, north_mps))
    turning = np.interp(grid, course_time_s, np.gradient(course, course_time_s))
    moving = np.interp(grid, course_time_s, np.hypot(east_mps, north_mps)) > MOVING_MPS
    found = [float(np.corrcoef(np.interp(grid[moving] - lag, time_s, rate), turning[moving])[0, 1]) for lag in LAGS_S]
    best = int(np.argmax(np.abs(found)))
    return float(LAGS_S[best]), float(np.sign(found[best]))
