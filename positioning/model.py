"""The tracker's equations, readable: state, motion, measurement. The twin of the kernel `positioning._tracks`.

State x = (east, north, speed, heading, yaw rate, acceleration), heading clockwise from north.

Rules:
* Motion is a turn at constant rate along its chord (exact for constant speed), speed by an acceleration that fades; both fade
  exponentially (Singer 1970), so that what was not measured for long tends to straight and steady.
* Moving by dt and by -dt is the identity: a late measurement is put in at its own moment and the state carried forward again, which
  for a linear model is the retrodicted measurement model (Bar-Shalom 2002) less the noise correlation, put into R instead.
* Every scalar update is in Joseph's form; wild speeds and headings pull the less the wilder they are, until they persist.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from positioning.samples import Detection
from positioning.track_columns import PROFILES, Mark, Motion, Profile, Trust

Floats = NDArray[np.float64]
EAST, NORTH, SPEED, HEADING, YAW, ACCELERATION = Motion
SMALLEST_VARIANCE = 1e-8
SIDEWAYS_SIGMA_MPS2 = 1.5
JUMP_SIGMAS2 = 16.0
WILD_SIGMAS2 = 9.0


def wrapped(angle: float) -> float:
    """To [-pi, pi)."""
    return float(angle) if -np.pi <= angle < np.pi else float((angle + np.pi) % (2 * np.pi) - np.pi)


def compass(angle: float) -> float:
    """To [0, 2 pi); a remainder just below zero rounds up to a full turn, which is north again."""
    turned = float(angle % (2 * np.pi))
    return 0.0 if turned >= 2 * np.pi else turned


def moved(x: Floats, dt: float, kind: int, *, may_stop: bool) -> tuple[Floats, Floats]:
    """-> the state after dt (which may be negative) and its Jacobian (6, 6)."""
    profile = PROFILES[kind]
    lasting_a, lasting_w = profile[Profile.ACCELERATION_TIME], profile[Profile.YAW_TIME]
    fade_a, fade_w = np.exp(-dt / lasting_a), np.exp(-dt / lasting_w)
    reach_a, reach_w = lasting_a * (1 - fade_a), lasting_w * (1 - fade_w)  # integrals of the fading over dt
    path_a = lasting_a * (dt - reach_a)  # and the integral of reach_a
    half = x[YAW] * reach_w / 2
    ratio, slope = chord_ratio(half)
    middle, length = x[HEADING] + half, x[SPEED] * dt + x[ACCELERATION] * path_a
    speed, acceleration = x[SPEED] + x[ACCELERATION] * reach_a, x[ACCELERATION] * fade_a
    if may_stop and x[SPEED] >= 0 > speed:  # braked to a stand within dt
        used_up = -x[SPEED] / x[ACCELERATION]
        standing = -lasting_a * np.log1p(-used_up / lasting_a)  # the time until then
        length, speed, acceleration = x[SPEED] * standing + x[ACCELERATION] * lasting_a * (standing - used_up), 0.0, 0.0
    along, across = np.array([np.sin(middle), np.cos(middle)]), np.array([np.cos(middle), -np.sin(middle)])
    y = x.copy()
    y[:2] += length * ratio * along
    y[2:] = speed, x[HEADING] + x[YAW] * reach_w, x[YAW] * fade_w, acceleration
    F = np.eye(6)
    F[:2, SPEED], F[:2, HEADING] = dt * ratio * along, length * ratio * across
    F[:2, YAW], F[:2, ACCELERATION] = reach_w / 2 * length * (ratio * across + slope * along), path_a * ratio * along
    F[SPEED, ACCELERATION], F[HEADING, YAW], F[YAW, YAW], F[ACCELERATION, ACCELERATION] = reach_a, reach_w, fade_w, fade_a
    return y, F


def chord_ratio(half: float) -> tuple[float, float]:
    """Chord by arc, sin(h) / h, and its derivative."""
    if abs(half) < 1e-4:
        return 1 - half**2 / 6, -half / 3
    ratio = np.sin(half) / half
    return float(ratio), float((np.cos(half) - ratio) / half)


def process_noise(x: Floats, y: Floats, dt: float, kind: int) -> Floats:
    """What may have happened in dt >= 0: jerk along the path, jerk of the turn across it, and small walks."""
    profile = PROFILES[kind]
    middle = x[HEADING] + (y[HEADING] - x[HEADING]) / 2
    along, across = np.array([np.sin(middle), np.cos(middle)]), np.array([np.cos(middle), -np.sin(middle)])
    new_a = 2 * profile[Profile.ACCELERATION_SIGMA] ** 2 / profile[Profile.ACCELERATION_TIME] * dt  # Singer 1970
    turn = min(profile[Profile.YAW_SIGMA], SIDEWAYS_SIGMA_MPS2 / (abs(x[SPEED]) + 0.1))  # fast ones turn wide
    new_w = 2 * turn**2 / profile[Profile.YAW_TIME] * dt
    Q = _chain(along, SPEED, ACCELERATION, new_a, dt) + _chain(x[SPEED] * across, HEADING, YAW, new_w, dt)
    walks = profile[[Profile.POSITION_WALK, Profile.POSITION_WALK, Profile.SPEED_WALK, Profile.HEADING_WALK]]
    Q[range(4), range(4)] += walks**2 * dt
    return Q


def _chain(direction: Floats, rate: int, second: int, variance: float, dt: float) -> Floats:
    """White noise at the end of a chain position <- rate <- second (Bar-Shalom 2001 eq. 6.2.3-7)."""
    reach = np.zeros((6, 3))
    reach[:2, 0], reach[rate, 1], reach[second, 2] = direction, 1, 1
    q = variance * np.array([[dt**4 / 20, dt**3 / 8, dt**2 / 6], [dt**3 / 8, dt**2 / 3, dt / 2], [dt**2 / 6, dt / 2, 1]])
    return np.asarray(reach @ q @ reach.T)


def predict(x: Floats, P: Floats, dt: float, kind: int) -> tuple[Floats, Floats]:
    """State and covariance after dt; before, where dt < 0, without noise: the measurement carries it."""
    y, F = moved(x, dt, kind, may_stop=dt > 0)
    Q = F @ P @ F.T
    return y, Q + process_noise(x, y, dt, kind) if dt > 0 else Q


def correct(x: Floats, P: Floats, i: int, innovation: float, variance: float) -> tuple[Floats, Floats]:
    """Scalar measurement of component i in Joseph's form (Groves 2013 eq. 3.58)."""
    gain = P[:, i] / (P[i, i] + variance)
    keep = np.eye(6)
    keep[:, i] -= gain
    new = keep @ P @ keep.T + variance * np.outer(gain, gain)
    new[range(6), range(6)] = np.maximum(np.diag(new), SMALLEST_VARIANCE)
    return x + gain * innovation, new


def correct_position(x: Floats, P: Floats, place: Floats, variance: float) -> tuple[Floats, Floats]:
    """A jump beyond the gate (that the station's own numbering vouched for): the object is there now."""
    P = P.copy()
    jump = float(np.sum((place - x[:2]) ** 2))
    P[[0, 1], [0, 1]] += jump if jump > JUMP_SIGMAS2 * ((P[0, 0] + P[1, 1]) / 2 + variance) else 0.0
    x, P = correct(x, P, EAST, place[0] - x[EAST], variance)
    return correct(x, P, NORTH, place[1] - x[NORTH], variance)


def correct_wary(x: Floats, P: Floats, i: int, innovation: float, variance: float, surprises: float) -> tuple[Floats, Floats, float]:
    """A wild value counts as one of 3 sigma; twice wild the same way, and the covariance admits a change."""
    sign = 1.0 if innovation > 0 else -1.0
    P = P.copy()
    if innovation**2 <= WILD_SIGMAS2 * (P[i, i] + variance):
        surprises = 0.0
    else:
        surprises = surprises + sign if surprises * sign > 0 else sign
        P[i, i] += innovation**2 if abs(surprises) >= 2 else 0.0
    x, P = correct(x, P, i, innovation, max(variance, innovation**2 / WILD_SIGMAS2 - P[i, i]))
    return x, P, surprises


@dataclass(frozen=True, slots=True)
class Measured:
    """One detection as the filter takes it: NaN for what is unknown or impossible, sigmas with the class's defaults."""

    place: Floats
    speed: float
    heading: float
    acceleration: float
    yaw_rate: float
    position_sigma: float
    speed_sigma: float
    heading_sigma: float


def _known(value: float, low: float, high: float) -> float:
    return float(value) if low <= value <= high else float("nan")


def measured(row: Floats, place: Floats, kind: int) -> Measured:
    """From a detection row (`samples.Detection`) and its east and north."""
    profile = PROFILES[kind]

    def sigma(column: int, highest: float, usual: Profile, least: float) -> float:
        value = _known(row[column], 0, highest)
        return float(profile[usual]) if np.isnan(value) else max(value, least)

    return Measured(
        place=place,
        speed=_known(row[Detection.SPEED_MPS], -30, 150),
        heading=compass(_known(row[Detection.HEADING_RAD], -100, 100)),
        acceleration=_known(row[Detection.ACCELERATION_MPS2], -20, 20),
        yaw_rate=_known(row[Detection.YAW_RATE_RADPS], -6, 6),
        position_sigma=sigma(Detection.POSITION_SIGMA_M, 100, Profile.POSITION_SIGMA, 0.03),
        speed_sigma=sigma(Detection.SPEED_SIGMA_MPS, 100, Profile.SPEED_SIGMA, 0.02),
        heading_sigma=sigma(Detection.HEADING_SIGMA_RAD, 7, Profile.HEADING_SIGMA, 0.002),
    )


def first_speed_sigma(kind: int) -> float:
    """A speed that no displacement has confirmed yet may be frozen or wrong."""
    return 0.7 if PROFILES[kind, Profile.KIND] >= 3 else 2.5


def absorb(x: Floats, P: Floats, dt: float, kind: int, z: Measured, trust: tuple[Trust, Trust], surprises: Floats) -> tuple[Floats, Floats]:
    """Predict to the detection's moment, correct, carry forward again where it was late (dt < 0); `surprises` (2,) is kept up."""
    x, P = predict(x, P, dt, kind)
    late, pace = max(0.0, -dt), abs(x[SPEED])
    sway, turn = PROFILES[kind, Profile.ACCELERATION_SIGMA] * late, PROFILES[kind, Profile.YAW_SIGMA] * late
    heading_variance = z.heading_sigma**2
    x, P = correct_position(x, P, z.place, z.position_sigma**2 + 0.25 * (sway * late) ** 2)
    if not np.isnan(z.speed) and trust[0] < Trust.DOUBTED:
        sigma = z.speed_sigma if trust[0] == Trust.TRUSTED else max(z.speed_sigma, first_speed_sigma(kind))
        x, P, surprises[0] = correct_wary(x, P, SPEED, z.speed - x[SPEED], sigma**2 + sway**2, surprises[0])
    if not np.isnan(z.heading) and trust[1] < Trust.DOUBTED:
        heading_variance += (0.1 / (0.3 + pace)) ** 2  # a heading at walking pace says less than it claims
        x, P, surprises[1] = correct_wary(x, P, HEADING, wrapped(z.heading - x[HEADING]), heading_variance + turn**2, surprises[1])
    for component, value, variance in ((ACCELERATION, z.acceleration, 0.25), (YAW, z.yaw_rate, 0.0025)):
        if not np.isnan(value):
            innovation = value - x[component]
            bounded = max(variance, innovation**2 / WILD_SIGMAS2 - P[component, component])
            x, P = correct(x, P, component, innovation, bounded)
    if late:
        x, F = moved(x, late, kind, may_stop=False)
        P = F @ P @ F.T
    return tamed(x, P, kind)


def tamed(x: Floats, P: Floats, kind: int) -> tuple[Floats, Floats]:
    """Within what the class can do; a clear reverse is turned round, the same motion seen from the other end."""
    x = x.copy()
    x[YAW], x[ACCELERATION] = np.clip(x[YAW], -2.5, 2.5), np.clip(x[ACCELERATION], -12.0, 8.0)
    x[SPEED] = np.clip(x[SPEED], -10.0, PROFILES[kind, Profile.TOP_SPEED] + 10)
    if x[SPEED] < -1.5:
        turn = np.diag([1.0, 1, -1, 1, 1, -1])
        x, P = turn @ x, turn @ P @ turn
        x[HEADING] += np.pi
    x[HEADING] = compass(x[HEADING])
    return x, P


def close_pairs(motion: Floats, marks: NDArray[np.int64], now_ns: int, age_ns: int, apart_m: Floats) -> list[tuple[int, int]]:
    """Rows of confirmed tracks of some age that are now nearer to each other than both their kinds' distance, the lower first."""
    dt = (now_ns - marks[:, Mark.TIME_NS]) * 1e-9
    gone_m = motion[:, SPEED] * dt
    place = motion[:, :2] + gone_m[:, None] * np.column_stack((np.sin(motion[:, HEADING]), np.cos(motion[:, HEADING])))
    reach_m = apart_m[PROFILES[marks[:, Mark.CLASS], Profile.KIND].astype(np.intp)]
    judged = (marks[:, Mark.CONFIRMED] == 1) & (now_ns - marks[:, Mark.BORN_NS] >= age_ns)
    near = np.hypot(*(place[:, None] - place).T) < np.minimum(reach_m[:, None], reach_m)
    first, second = np.nonzero(np.triu(near & judged & judged[:, None], 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))
