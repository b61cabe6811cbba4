"""When buses leave a terminal: as evenly as passengers come, within what each departure may be moved.

Rules:
* The sum of squared gaps is what passengers wait who come at random (Newell 1971, Dispatching Policies for a Transportation Route:
  waiting = demand x gap^2 / 2). Its least value within the limits is the shortest way through a tube, the taut string: exact, found
  in one sweep, and also the least of every other convex cost of the gaps.
* Where demand changes in the day, gaps shall go with its inverse root (Newell 1971): that is the same string in a clock that runs as the
  root of demand.
* Number and order of the departures stay; the first and the last stay where they are.
"""

from collections.abc import Callable, Sequence

MOVE_MAX_S = 600.0


def plain(time_s: float) -> float:
    return time_s


def respaced_s(times_s: Sequence[float], move_max_s: float = MOVE_MAX_S, clock: Callable[[float], float] = plain) -> list[float]:
    """Departures as even as `move_max_s` each allows. `clock`: increasing, the integral of the root of demand; plain: demand is even.

    Returns as many times, s, not decreasing where `times_s` is not.
    """
    if len(times_s) < 3:
        return list(times_s)
    earliest_s = [times_s[0], *(max(time - move_max_s, times_s[0]) for time in times_s[1:-1]), times_s[-1]]
    latest_s = [times_s[0], *(min(time + move_max_s, times_s[-1]) for time in times_s[1:-1]), times_s[-1]]
    if clock is plain:
        return within_s(earliest_s, latest_s)
    even = within_s([clock(time) for time in earliest_s], [clock(time) for time in latest_s])
    return [_time_s(clock, place, low, high) for place, low, high in zip(even, earliest_s, latest_s, strict=True)]


def within_s(earliest_s: Sequence[float], latest_s: Sequence[float]) -> list[float]:
    """The taut string from (0, earliest[0]) to the last one's latest, between both bounds, each not decreasing and the first not above the
    second. Davies & Kovac 2001, Local Extremes, Runs, Strings and Multiresolution.
    """
    last = len(earliest_s) - 1
    string = [earliest_s[0]]
    while (start := len(string) - 1) < last:
        corner, slope = _next_corner(earliest_s, latest_s, start, string[start])
        origin = string[start]
        string += [min(max(origin + slope * (index - start), earliest_s[index]), latest_s[index]) for index in range(start + 1, corner + 1)]
    return string


def _next_corner(earliest_s: Sequence[float], latest_s: Sequence[float], start: int, origin_s: float) -> tuple[int, float]:
    """Where the string that leaves (start, origin) first touches a bound, and its slope until there."""
    least, most = float("-inf"), float("inf")
    least_at = most_at = start
    for index in range(start + 1, len(earliest_s)):
        up, down = ((bound[index] - origin_s) / (index - start) for bound in (earliest_s, latest_s))
        if up > most:
            return most_at, most
        if down < least:
            return least_at, least
        if up >= least:
            least, least_at = up, index
        if down <= most:
            most, most_at = down, index
    return (most_at, most) if most_at == len(earliest_s) - 1 else (least_at, least)


def _time_s(clock: Callable[[float], float], place: float, low_s: float, high_s: float) -> float:
    """The time between both at which `clock` shows `place`, to a tenth of a second."""
    while high_s - low_s > 0.1:
        middle_s = 0.5 * (low_s + high_s)
        low_s, high_s = (middle_s, high_s) if clock(middle_s) < place else (low_s, middle_s)
    return 0.5 * (low_s + high_s)
