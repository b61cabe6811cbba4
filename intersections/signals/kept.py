"""What was seen, shown and planned, as the plain arrays that a snapshot holds: a set of groups is one byte a group."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intersections.samples import PhaseState
from intersections.signals.approaches import Observation
from intersections.signals.control import PLANNER, Commitment, GreenCommand, GuardMode, Plan, PlannedDepartures, Shown
from intersections.signals.layout import bits

Arrays = dict[str, NDArray[Any]]


def mask_rows(masks: Iterable[int], groups: int) -> NDArray[np.uint8]:
    """(sets, groups)."""
    listed = list(masks)
    rows = np.zeros((len(listed), groups), np.uint8)
    for row, mask in enumerate(listed):
        rows[row, list(bits(mask))] = 1
    return rows


def masks_of(rows: NDArray[np.uint8]) -> tuple[int, ...]:
    return tuple(sum(1 << bit for bit in np.flatnonzero(row).tolist()) for row in rows)


def shown_arrays(shown: Shown) -> Arrays:
    committed = shown.commitment
    sets = (shown.greens, shown.wanted, committed.greens if committed else 0)
    times_ns = (committed.earliest_ns, committed.latest_ns) if committed else (-1, -1)
    return {
        "head": np.array((shown.now_ns, shown.mode, *times_ns), np.int64),
        "sets": mask_rows(sets, len(shown.states)),
        "groups": np.array((shown.states, shown.since_ns, shown.earliest_end_ns, shown.latest_end_ns), np.int64),
    }


def shown_of(arrays: Mapping[str, NDArray[Any]]) -> Shown:
    now_ns, mode, earliest_ns, latest_ns = arrays["head"].tolist()
    greens, wanted, following = masks_of(arrays["sets"])
    states, since_ns, ends_ns, limits_ns = arrays["groups"].tolist()
    return Shown(
        now_ns=now_ns,
        mode=GuardMode(mode),
        states=tuple(PhaseState(state) for state in states),
        since_ns=tuple(since_ns),
        greens=greens,
        wanted=wanted,
        earliest_end_ns=tuple(ends_ns),
        latest_end_ns=tuple(limits_ns),
        commitment=None if earliest_ns < 0 else Commitment(following, earliest_ns, latest_ns),
    )


def plan_arrays(plan: Plan, groups: int) -> Arrays:
    """What of a plan is needed after the second it was made in: its stages and how long its command holds."""
    return {
        "stages": mask_rows(plan.stages, groups),
        "start_ns": np.array(plan.start_ns, np.int64),
        "valid_until_ns": np.array([plan.command.valid_until_ns], np.int64),
    }


def plan_of(arrays: Mapping[str, NDArray[Any]], intersection: str) -> Plan:
    """With a command that nobody is to obey again, and nobody's departures."""
    valid_until_ns = int(arrays["valid_until_ns"][0])
    stages, start_ns = masks_of(arrays["stages"]), tuple(arrays["start_ns"].tolist())
    command = GreenCommand(PLANNER, 0, stages[0] if stages else 0, start_ns[0] if start_ns else 0, valid_until_ns)
    nobody = PlannedDepartures(intersection, command.issued_ns, (), (), (), np.zeros(0))
    return Plan(command, stages, start_ns, nobody, np.zeros(0, np.int64))


def observation_arrays(seen: Observation) -> Arrays:
    return {field.name: np.array(getattr(seen, field.name)) for field in fields(seen)}


def observation_of(arrays: Mapping[str, NDArray[Any]]) -> Observation:
    return Observation(now_ns=int(arrays["now_ns"]), **{name: array for name, array in arrays.items() if name != "now_ns"})


def packed(plain: object) -> NDArray[np.uint8]:
    """What is no table, as the bytes of its JSON."""
    return np.frombuffer(json.dumps(plain, separators=(",", ":")).encode(), np.uint8).copy()


def unpacked(array: NDArray[np.uint8]) -> Any:
    return json.loads(array.astype(np.uint8).tobytes())
