"""The road's track reports against the truth of the field they were made from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from intersections.decisions import Decision, TrackReport
from v2x.sim.field import Field
from v2x.sim.score import Scene, Scorer

KEPT_IN_VIEW_S = 2.0  # after its last free ray an object still counts as in view


class Judge:
    """A `DecisionSink` for the direct link: scores every track report of the field's intersection."""

    def __init__(self, field: Field) -> None:
        self.scorer = Scorer()
        self._field = field

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:  # noqa: ARG002  reports carry their own time
        for decision in decisions:
            if isinstance(decision, TrackReport):
                self._score(decision)

    def _score(self, report: TrackReport) -> None:
        field = self._field
        time_s = field.world.start_s + (report.time_ns - field.epoch_ns) / 1e9
        if time_s < field.before.time_s - 1e-6:
            return  # before the world was first shown there is nothing to compare with
        truth = field.truth_at(time_s)
        positions, tracks_m = truth.motion[:, :2], report.motion[:, :2]
        self.scorer.add(
            Scene(truth.ids, positions, self._in_view(truth.ids, time_s), report.ids, tracks_m, self._in_range(tracks_m), report.time_ns)
        )

    def _in_view(self, ids: NDArray[np.int64], time_s: float) -> NDArray[np.bool_]:
        latest_s = [max(sensor.last_seen_s.get(number, -np.inf) for sensor in self._field.sensors) for number in ids.tolist()]
        return np.array([time_s - seen_s <= KEPT_IN_VIEW_S for seen_s in latest_s], dtype=bool)

    def _in_range(self, tracks_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        inside = np.zeros(len(tracks_m), dtype=bool)
        for sensor in self._field.sensors:
            inside |= np.hypot(*(tracks_m - sensor.mast_m[:2]).T) <= sensor.config.range_m
        return inside
