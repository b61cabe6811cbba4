"""Drivers who get speed advice, and heed it as a driver does: at their own pace, and never against what is before them.

Rules:
* Only connected vehicles are advised, by what the sensor layer knows; who is not connected drives as ever.
* SUMO's own safe speed, right of way and red light stay in force: advice can only make a driver slower than that.
* A driver follows with comfortable braking and moderate acceleration, and is free again as soon as nothing is advised any more.
"""

from collections.abc import Mapping, Sequence

import libsumo

from intersections.signals.approaches import Observation
from intersections.signals.control import Shown
from intersections.signals.estimate import Estimator
from intersections.signals.glosa import COMFORT_MPS2, SpeedAdvisor
from intersections.signals.spat import SpatMessage
from v2x.importers.sumo_signals import SignalSite

ACCELERATION_MPS2 = 1.5
FREE = -1.0  # SUMO: the driver's own speed again


class AdvisedDrivers:
    """Of all intersections of a running simulation. `hear` once for each intersection whenever its road was looked at, then `drive`."""

    def __init__(self, sites: Sequence[SignalSite]) -> None:
        self.advisors = [SpeedAdvisor(site.approaches) for site in sites]
        self._estimators = [Estimator(site.approaches, site.layout) for site in sites]
        self._heard_mps: dict[int, float] = {}
        self._heeding: set[str] = set()

    def hear(self, site: int, seen: Observation, shown: Shown, spat: SpatMessage) -> None:
        arrivals = self._estimators[site].arrivals(seen, shown, ())
        for advice in self.advisors[site].advise(seen.now_ns, arrivals, spat):
            self._heard_mps[advice.vehicle] = advice.advised_mps

    def drive(self, names: Mapping[int, str], step_s: float) -> None:
        """`names`: SUMO's, of the vehicles by their number in the observations."""
        heeding = set()
        for vehicle, advised_mps in self._heard_mps.items():
            name = names.get(vehicle)
            if name is not None:
                speed_mps = libsumo.vehicle.getSpeed(name)
                lowest, highest = speed_mps - COMFORT_MPS2 * step_s, speed_mps + ACCELERATION_MPS2 * step_s
                libsumo.vehicle.setSpeed(name, min(max(advised_mps, lowest), highest, libsumo.vehicle.getAllowedSpeed(name)))
                heeding.add(name)
        present = set(names.values())
        for name in (self._heeding - heeding) & present:
            libsumo.vehicle.setSpeed(name, FREE)
        self._heeding = heeding
        self._heard_mps.clear()
