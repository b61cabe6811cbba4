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
PERIOD_S = 1.0  # of advice and of driving by it
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

    def drive(self, names: Mapping[int, str]) -> None:
        """Once a second. `names`: SUMO's, of the connected vehicles by their number in the observations."""
        heeding = {names[vehicle]: advised_mps for vehicle, advised_mps in self._heard_mps.items() if vehicle in names}
        for name, advised_mps in heeding.items():
            speed_mps = libsumo.vehicle.getSpeed(name)
            slowest, fastest = speed_mps - COMFORT_MPS2 * PERIOD_S, speed_mps + ACCELERATION_MPS2 * PERIOD_S
            wanted_mps = min(max(advised_mps, slowest), fastest, libsumo.vehicle.getAllowedSpeed(name))
            libsumo.vehicle.slowDown(name, wanted_mps, PERIOD_S)
        for name in (self._heeding - heeding.keys()) & set(names.values()):
            libsumo.vehicle.setSpeed(name, FREE)
        self._heeding = set(heeding)
        self._heard_mps.clear()
