"""Which road users a mast can see: rays from the sensor to each, stopped by vehicles that stand in between.

Rules:
* A ray runs from the sensor's height down to the middle of the target's height, at the target's centre.
* An obstacle is a vehicle's footprint as an upright box of its own height; it stops a ray that passes through the box.
* Pedestrians and bicycles hide nobody.
"""

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


def visible(sensor_m: Floats, targets_m: Floats, target_heights_m: Floats, boxes: Floats, own_box: NDArray[np.int64]) -> Booleans:
    """Which targets (n,) have a free ray.

    sensor_m: (3,) east, north, height. targets_m: (n, 2). target_heights_m: (n,).
    boxes: (m, 6) east, north, heading_rad, length_m, width_m, height_m.
    own_box: (n,) the index of the target's own box, which does not hide it; -1 = none.
    """
    if len(targets_m) == 0 or len(boxes) == 0:
        return np.ones(len(targets_m), dtype=bool)
    enter, leave = _crossing(sensor_m[:2], targets_m, boxes)
    crosses = (enter < leave) & (leave > 0.0) & (enter < 1.0)
    aim_m = target_heights_m / 2.0
    ray_height_m = sensor_m[2] + np.minimum(leave, 1.0) * (aim_m - sensor_m[2])[:, None]  # lowest where it leaves the box
    stopped = crosses & (ray_height_m < boxes[:, 5])
    known = np.flatnonzero(own_box >= 0)
    stopped[known, own_box[known]] = False
    free: Booleans = ~stopped.any(axis=1)
    return free


def _crossing(sensor_m: Floats, targets_m: Floats, boxes: Floats) -> tuple[Floats, Floats]:
    """Where along each ray (0 sensor, 1 target) it enters and leaves each box, (n, m). Slab method (Kay, Kajiya 1986)."""
    sine, cosine = np.sin(boxes[:, 2]), np.cos(boxes[:, 2])
    from_centre = sensor_m - boxes[:, :2]
    start_along = from_centre[:, 0] * sine + from_centre[:, 1] * cosine
    start_across = from_centre[:, 0] * cosine - from_centre[:, 1] * sine
    ray = targets_m - sensor_m
    ray_along = np.outer(ray[:, 0], sine) + np.outer(ray[:, 1], cosine)
    ray_across = np.outer(ray[:, 0], cosine) - np.outer(ray[:, 1], sine)
    first_along, last_along = _slab(start_along, ray_along, boxes[:, 3] / 2.0)
    first_across, last_across = _slab(start_across, ray_across, boxes[:, 4] / 2.0)
    return np.maximum(first_along, first_across), np.minimum(last_along, last_across)


def _slab(start: Floats, ray: Floats, half: Floats) -> tuple[Floats, Floats]:
    safe = np.where(np.abs(ray) < 1e-12, 1e-12, ray)  # parallel: the quotients become huge with the right signs
    first, last = (-half - start) / safe, (half - start) / safe
    return np.minimum(first, last), np.maximum(first, last)
