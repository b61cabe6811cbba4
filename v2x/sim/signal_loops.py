"""Induction loops as the road would have them: at each stop line and 40 m before it, driven by everybody, naming nobody.

A loop counts a vehicle whose front has passed it and is occupied while any part of one lies over it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from intersections.signals.approaches import ADVANCE_LOOP_M

LOOP_M = 2.0
STOP_LOOP_M = 3.0  # from its upstream edge to the stop line: drivers stop about a metre before the line


@dataclass(slots=True)
class LaneLoops:
    """Of one lane. `advance_count` is -1 where the lane is too short for the second loop. `standing_s`: occupied without a gap."""

    length_m: float
    stop_count: int = 0
    stop_occupied: bool = False
    stop_standing_s: float = 0.0
    advance_count: int = 0
    advance_occupied: bool = False
    advance_standing_s: float = 0.0

    def __post_init__(self) -> None:
        if self.length_m <= ADVANCE_LOOP_M:
            self.advance_count = -1

    def drive(self, before_m: float, front_m: float, length_m: float) -> None:
        """A vehicle on this lane; `before_m`: where its front was a step ago, before the lane if it came from upstream."""
        rear_m = front_m - length_m
        if front_m >= self.length_m - STOP_LOOP_M:
            self.stop_occupied = True
        if self.advance_count >= 0:
            loop_m = self.length_m - ADVANCE_LOOP_M
            self.advance_count += before_m < loop_m <= front_m
            self.advance_occupied = self.advance_occupied or (front_m >= loop_m and rear_m <= loop_m + LOOP_M)

    def cross(self) -> None:
        self.stop_count += 1


def clear(loops: Iterable[LaneLoops]) -> None:
    """Before each step."""
    for loop in loops:
        loop.stop_occupied = loop.advance_occupied = False


def settle(loops: Iterable[LaneLoops], step_s: float) -> None:
    """After each step."""
    for loop in loops:
        loop.stop_standing_s = loop.stop_standing_s + step_s if loop.stop_occupied else 0.0
        loop.advance_standing_s = loop.advance_standing_s + step_s if loop.advance_occupied else 0.0
