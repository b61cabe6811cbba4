"""How a heading is found, readable: hypotheses around the circle, and linear filters that follow the circle. Part of the kernel's twin.

Rules:
* Five filters start where the vehicle is first seen, each with its own heading; what is shown is the normal that has their mean and spread.
* A way driven with an uncertain heading ends on an arc. Before a place corrects it, the way is turned to the likeliest angle, so that
  the correction is linear about where it ends.
"""

from math import atan2, cos, hypot, isnan, log, pi, sin, sqrt

import numpy as np

from positioning.fusion_laws import FIXED, FLOAT, SINGLE, Filter, Floats, Numbers, Sample, fix_law, turned, unit
from positioning.measurements import Kind

HYPOTHESES = 5
START_SIGMAS = (5.0, 0.7, np.radians(0.3), 0.02)  # speed, heading, yaw-rate bias, scale
FIRST_FIX_M = 0.5  # a fix that no other stands by yet
HEADING_KNOWN, HEADING_LEAD = 0.05, 6.0  # rad^2, log evidence
COURSE_SIGMA = 0.01  # rad between the way driven and the heading, that no law explains
COURSE_DELAY_S = 0.05  # between the receiver's velocity and the gyro
CURVED = 0.001  # rad^2 of the heading: beyond it the way driven is an arc of places


def hypotheses(s: Sample, gnss_bias_m: float) -> list[Filter]:
    """Where a place is first seen."""
    sigma = s.v[2]
    if s.kind == Kind.FIX:
        law = fix_law(*s.detail[:2])[0]
        sigma = {FIXED: max(law, FIRST_FIX_M), FLOAT: 3 * law, SINGLE: sqrt(law * law + 9)}[s.detail[0]]
    p = np.diag(np.array([sigma, sigma, *START_SIGMAS, gnss_bias_m, gnss_bias_m]) ** 2)
    height = s.v[2] if s.kind == Kind.FIX and not isnan(s.v[2]) else 0.0
    headings = (i * pi * 2 / HYPOTHESES for i in range(HYPOTHESES))
    return [Filter(np.array([s.v[0], s.v[1], 0.0, heading, 0, 0, 0, 0]), p.copy(), height, 4 * sigma * sigma) for heading in headings]


def settled(every: list[Filter]) -> Filter | None:
    """One filter is left when each hypothesis is either unlikely or the same as the best."""
    best = max(every, key=lambda f: f.score)
    others = [o for o in every if o.score > best.score - HEADING_LEAD and abs(turned(o.x[3] - best.x[3])) > 0.2]
    return None if best.p[3, 3] > HEADING_KNOWN or others else merge(every)


def bend_to(f: Filter, place: Floats, variance: float) -> None:
    """By the likeliest angle: turn / P[psi, psi] = (both ways' lengths / variance across) sin(angle between them - turn)."""
    of_heading = f.p[:2, 3] / f.p[3, 3]
    square = float(of_heading @ of_heading)
    if f.p[3, 3] <= CURVED or square < 1e-6:
        return
    variance += max(float(of_heading @ f.p[:2, :2] @ of_heading) / square - square * f.p[3, 3], 0.0)
    driven = np.array([of_heading[1], -of_heading[0]])  # since the heading was last known
    seen = place - f.x[:2] + driven
    angle = atan2(float(of_heading @ seen), float(driven @ seen))
    pull = f.p[3, 3] * sqrt(square * float(seen @ seen)) / variance
    turn = angle * pull / (1 + pull)
    for _ in range(3):
        turn -= (turn - pull * sin(angle - turn)) / (1 + pull * max(cos(angle - turn), 0.0))
    bend(f, min(max(turn, -pi), pi))


def bend(f: Filter, turn: float) -> None:
    """The way driven since the heading was known is turned about its beginning: exact, where a linear correction leaves the circle.

    The state stays the prior's, now linear about the turned way (iterated Kalman filter, Bell & Cathey 1993).
    """
    by = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    of_heading = f.p[:2, 3] / f.p[3, 3]
    driven = np.array([of_heading[1], -of_heading[0]])
    f.x[:2] += by @ driven - driven - turn * (by @ of_heading)
    for i in (2, 3):  # what speed and heading have made of the place
        step = np.eye(8)
        step[:2, i] = (by - np.eye(2)) @ f.p[:2, i] / f.p[i, i]
        f.p = step @ f.p @ step.T


def follow(f: Filter, v: tuple[float, ...], sigma: float, turn: float, q: Numbers, *, exploring: bool) -> bool:
    """The antenna's velocity: it leads the rear axle, and the tyres slip, so that in a turn it points beside the heading. -> did it fit?"""
    speed, aside, fitted = hypot(*v), (q["lever_m"] - q["tyre_s"] * f.x[2]) * turn, False
    noise = sigma * sigma + speed * speed * (COURSE_SIGMA**2 + COURSE_DELAY_S**2 * turn * turn)
    if f.p[3, 3] > 0.1:
        face(f, turned(atan2(v[1], v[0]) - atan2(aside, speed) - f.x[3]), noise / (speed * speed), exploring=exploring)
        f.update(unit(v=1), speed - f.x[2], sigma * sigma)
        return False
    for axis in (0, 1):
        along, across = cos(f.x[3] - axis * pi / 2), sin(f.x[3] - axis * pi / 2)
        h, r = unit(v=along, psi=-f.x[2] * across), v[axis] - f.x[2] * along + aside * across
        variance = f.variance(h) + noise
        if exploring:
            f.score += max(-0.5 * r * r / variance, -8.0) - 0.5 * log(variance)
        fitted = fitted or r * r < 9 * variance
        # beyond two sigma it counts less and less, but never nothing: no heading is locked in
        f.update(h, r, noise * max(1.0, r * r / (4 * variance)))
    return fitted


def face(f: Filter, r: float, variance: float, *, exploring: bool) -> None:
    """A heading too uncertain for the velocity's east and north to be linear in it; forward is the likelier way to drive."""
    if exploring:
        f.score -= min(0.5 * r * r / (f.p[3, 3] + variance), 8.0) + 0.5 * log(f.p[3, 3] + variance)
    bend(f, r * f.p[3, 3] / (f.p[3, 3] + variance))
    f.update(unit(psi=1), r, variance)


def merge(every: list[Filter]) -> Filter:
    """One normal with the mean and the covariance of them all (Bar-Shalom 2001 eq. 1.4.16-9)."""
    best = max(every, key=lambda f: f.score)
    weights = np.exp([f.score - best.score for f in every])
    away = np.array([f.x - best.x for f in every])
    away[:, 3] = [turned(angle) for angle in away[:, 3]]
    weights /= weights.sum()
    mean = weights @ away
    merged = best.copy()
    merged.x, merged.score = best.x + mean, 0.0
    merged.p = sum((w * (f.p + np.outer(d, d)) for w, f, d in zip(weights, every, away - mean, strict=True)), np.zeros((8, 8)))
    return merged
