"""What every reader makes of its files: runs, each a batch of measurements with the truth beside it, and the sets they are scored in."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from positioning.frames import LocalFrame
from positioning.measurements import VALUES, Kind, MeasurementBatch

NS = 1_000_000_000
GNSS_KINDS = (Kind.FIX, Kind.VELOCITY, Kind.PSEUDORANGE)
VEHICLE = 0  # a run holds one vehicle


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One drive as one engine sees it.

    batch: in order of `received_ns`; anchors (a, 3) latitude_rad, longitude_rad, height above the road m; truth_ns (k,) ascending;
    truth_enu_m (k, 2) in `frame`; sensors: what the vehicle's sensors are declared to be, by name, as the engine's configuration calls it;
    gaps_ns (w, 2) windows without GNSS, after the first and including the second.
    """

    frame: LocalFrame
    batch: MeasurementBatch
    truth_ns: NDArray[np.int64]
    truth_enu_m: NDArray[np.float64]
    anchors: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))
    sensors: dict[str, object] = field(default_factory=dict)
    gaps_ns: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    warm_up_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Set:
    """Runs scored under one name: pooled (their epochs are one sample) or, where they differ by chance only, by the mean of scores."""

    name: str
    runs: Iterable[Run]
    pooled: bool = False
    note: str = ""  # what whoever reads the figures must know


class Rows:
    """Collects measurements of one vehicle, column by column; `batch` puts them in the order of arrival."""

    def __init__(self) -> None:
        self._parts: list[tuple[Kind, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []

    def add(self, kind: Kind, measured_ns: NDArray[np.int64], *values: object, received_ns: NDArray[np.int64] | None = None) -> None:
        """values: one array or number per column of the kind. What has no other time of arrival arrives when it is measured."""
        table = np.full((len(measured_ns), VALUES), np.nan)
        for column, value in enumerate(values):
            table[:, column] = value
        self._parts.append((kind, measured_ns, measured_ns if received_ns is None else received_ns, table))

    def batch(self) -> MeasurementBatch:
        kinds, measured, received, values = zip(*self._parts, strict=True)
        kind = np.concatenate([np.full(len(times), one, np.uint8) for one, times in zip(kinds, measured, strict=True)])
        batch = MeasurementBatch(
            kind, np.full(len(kind), VEHICLE, np.int64), np.concatenate(measured), np.concatenate(received), np.concatenate(values)
        )
        return rows_of(batch, np.lexsort([kind, batch.measured_ns, batch.received_ns]))


def rows_of(batch: MeasurementBatch, chosen: object) -> MeasurementBatch:
    """The rows of an index array, a mask or a slice."""
    columns = batch.kind, batch.vehicle, batch.measured_ns, batch.received_ns, batch.values
    return MeasurementBatch(*(column[chosen] for column in columns))


def ns_of(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.round(np.asarray(seconds) * NS).astype(np.int64)


def with_gaps(run: Run, period_s: float = 90.0, length_s: float = 60.0) -> Run:
    """The run without GNSS for `length_s` at the start of each period; the first period is whole, so that there is something to lose."""
    starts = np.arange(run.batch.measured_ns[0] + period_s * NS, run.truth_ns[-1] - NS, period_s * NS).astype(np.int64)
    gaps = np.column_stack([starts, starts + int(length_s * NS)])
    inside = ((run.batch.measured_ns[:, None] > gaps[:, 0]) & (run.batch.measured_ns[:, None] <= gaps[:, 1])).any(axis=1)
    lost = inside & np.isin(run.batch.kind, GNSS_KINDS)
    return replace(run, batch=rows_of(run.batch, ~lost), gaps_ns=gaps)
