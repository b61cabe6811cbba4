"""Pedestrians in the roll-out: each pedestrian group is one more lane, where those who wait stand and those who are expected arrive.

Rules:
* A push-button tells that somebody waits, and since when; never how many. How many is learnt from how soon after a red begins the first
  call comes: calls per second of calm red are the rate at which people arrive.
* A row stands for persons, not for one: those who wait now, then those expected in each STEP_S. They cross as soon as the lamp is green
  and take no room behind it.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.signals.approaches import Approaches
from intersections.signals.arrivals import Arrivals
from intersections.signals.layout import GroupKind, SignalLayout, bits

STEP_S = 10.0
STEPS = 5
CALLS_BEFORE, CALM_BEFORE_S = 0.25, 15.0  # what is thought of a crossing nobody has called at yet: one person a minute
FORGET_S = 1800.0  # demand of half an hour ago counts a third
WALKING_MPS = 3.0  # in the roll-out a row must not hold up the next
ROOM_M = 1e6


class Pedestrians:
    """Of one intersection: `approaches` has a lane for each pedestrian group; `join` adds their rows to a table of arrivals."""

    def __init__(self, layout: SignalLayout, approaches: Approaches) -> None:
        self._groups = np.array([bit for bit, group in enumerate(layout.groups) if group.kind is GroupKind.PEDESTRIAN], np.int32)
        self._lanes, self._connections = len(approaches.lanes), len(approaches.connection_lane)
        self._calls = np.full(len(self._groups), CALLS_BEFORE)
        self._calm_s = np.full(len(self._groups), CALM_BEFORE_S)
        self._waited_s = np.zeros(len(self._groups))
        self._seen_ns = -1
        self.approaches = self._extended(approaches)

    def join(self, arrivals: Arrivals, wait_s: NDArray[np.float64], greens: int, now_ns: int) -> Arrivals:
        """`wait_s` by group since the first waiting call, `greens` what is green. Their rows come last."""
        if not len(self._groups):
            return arrivals
        wait_s = wait_s[self._groups]
        self._learn(wait_s, greens, now_ns)
        rate = self._calls / self._calm_s
        waiting = np.where(wait_s > 0.0, 1.0 + rate * wait_s, 0.0)
        persons = np.column_stack([waiting, np.repeat((rate * STEP_S)[:, None], STEPS, axis=1)]).ravel()
        arrival_s = np.tile(np.concatenate([[0.0], STEP_S * (np.arange(STEPS) + 0.5)]), len(self._groups))
        rows = np.repeat(np.arange(len(self._groups), dtype=np.int32), STEPS + 1)
        kept = persons > 0.0
        count = int(kept.sum())
        added: dict[str, Any] = {
            "vehicle": np.full(count, -1, np.int64),
            "observed": np.full(count, -1, np.int32),
            "lane": self._lanes + rows[kept],
            "connection": self._connections + rows[kept],
            "arrival_s": arrival_s[kept],
            "weight": persons[kept],
        }
        joined: dict[str, Any] = {name: _joined(getattr(arrivals, name), added.get(name), count) for name in _ROWS}
        joined["exit_room_m"] = np.append(arrivals.exit_room_m, ROOM_M)
        joined["exit_drain_mps"] = np.append(arrivals.exit_drain_mps, 0.0)
        return replace(arrivals, **joined)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        return {"calls": self._calls, "calm_s": self._calm_s, "waited_s": self._waited_s, "seen_ns": np.array([self._seen_ns])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._calls, self._calm_s, self._waited_s = arrays["calls"].copy(), arrays["calm_s"].copy(), arrays["waited_s"].copy()
        self._seen_ns = int(arrays["seen_ns"][0])

    def _learn(self, wait_s: NDArray[np.float64], greens: int, now_ns: int) -> None:
        first = self._seen_ns < 0
        passed_s = 0.0 if first else min(max(now_ns - self._seen_ns, 0) / 1e9, STEP_S)
        self._seen_ns = now_ns
        closed = np.array([not greens >> bit & 1 for bit in self._groups.tolist()], bool)
        calm = closed & (self._waited_s == 0.0) & (not first)
        kept = 1.0 - passed_s / FORGET_S
        self._calls = CALLS_BEFORE + (self._calls - CALLS_BEFORE) * kept + (calm & (wait_s > 0.0))
        self._calm_s = CALM_BEFORE_S + (self._calm_s - CALM_BEFORE_S) * kept + np.where(calm, passed_s, 0.0)
        self._waited_s = wait_s.copy()

    def _extended(self, approaches: Approaches) -> Approaches:
        count = len(self._groups)
        if not count:
            return approaches
        longer: dict[str, Any] = {
            "connection_lane": self._lanes + np.arange(count),
            "connection_movement": np.full(count, -1),
            "connection_group": self._groups,
            "connection_exit": np.full(count, len(approaches.exits)),
            "connection_speed_mps": np.full(count, WALKING_MPS),
            "lane_speed_mps": np.full(count, WALKING_MPS),
            "lane_length_m": np.zeros(count),
            "exit_length_m": np.full(1, ROOM_M),
            "exit_speed_mps": np.full(1, WALKING_MPS),
        }
        joined: dict[str, Any] = {name: _joined(getattr(approaches, name), added, len(added)) for name, added in longer.items()}
        joined["lanes"] = (*approaches.lanes, *(f"crossing {bit}" for bit in self._groups))
        joined |= {"exits": (*approaches.exits, "pavement"), "exit_neighbour": (*approaches.exit_neighbour, "")}
        return replace(approaches, **joined)


def stages_of(layout: SignalLayout) -> tuple[int, ...]:
    """Greens to plan with. Where people walk, they are the program's own and the same with the crossings closed: which crossing goes with
    which stream is the traffic engineer's choice, and others break up the crossings' greens."""
    walking = sum(1 << bit for bit, group in enumerate(layout.groups) if group.kind is GroupKind.PEDESTRIAN)
    if not walking:
        return tuple(stage.greens for stage in layout.stages)
    own = [layout.stages[stage].greens for stage, _ in layout.local]
    return tuple(dict.fromkeys(greens for greens in (*own, *(greens & ~walking for greens in own)) if greens))


def hidden_clearance(layout: SignalLayout) -> tuple[tuple[int, ...], ...]:
    """Intergreens as a plan meets them that closes pedestrians early: no longer than those of the vehicles towards the same group."""
    walkers = [group.kind is GroupKind.PEDESTRIAN for group in layout.groups]
    columns = range(len(walkers))
    driven_ns = [max((row[to] for row, walks in zip(layout.intergreen_ns, walkers, strict=True) if not walks), default=0) for to in columns]
    return tuple(
        tuple(min(row[to], driven_ns[to] or row[to]) for to in columns) if walks else row
        for row, walks in zip(layout.intergreen_ns, walkers, strict=True)
    )


def closed_early(layout: SignalLayout, shown: int, greens: int, following: int, in_ns: int) -> int:
    """Of `greens` what stays when `following` is to begin `in_ns` from now: pedestrians whose clearance takes longer than that of the
    vehicles close so much earlier, while vehicles still drive, and do not open again for less than their minimum. `shown`: green now."""
    ending = greens & ~following
    for bit in bits(ending):
        if layout.groups[bit].kind is not GroupKind.PEDESTRIAN:
            continue
        early_ns = 0
        for to in bits(layout.conflicts[bit] & following & ~greens):
            driven_ns = max((layout.intergreen_ns[by][to] for by in bits(ending & layout.conflicts[to]) if by != bit), default=0)
            early_ns = max(early_ns, layout.intergreen_ns[bit][to] - driven_ns)
        if not shown >> bit & 1:
            early_ns += layout.groups[bit].min_green_ns
        if early_ns > 0 and in_ns <= early_ns:
            greens &= ~(1 << bit)
    return greens


_ROWS = tuple(field.name for field in fields(Arrivals) if not field.name.startswith("exit_"))


def _joined(rows: NDArray[Any], added: NDArray[Any] | None, count: int) -> NDArray[Any]:
    return np.concatenate([rows, np.zeros(count, rows.dtype) if added is None else added.astype(rows.dtype)])
