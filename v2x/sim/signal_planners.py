"""Which planner `--control` names, for one intersection read from SUMO. Only adaptive control promises its changes."""

from collections.abc import Callable

from intersections.signals.actuated import ActuatedPlanner
from intersections.signals.commitments import Play
from intersections.signals.control import Planner
from intersections.signals.fixed_time import FixedTimePlanner
from intersections.signals.max_pressure import MaxPressurePlanner
from intersections.signals.optimise import AdaptivePlanner
from intersections.signals.plan import SignalPlan
from v2x.importers.sumo_signals import SignalSite
from v2x.sim.signal_arguments import Control

PLANNERS: dict[Control, Callable[[SignalSite, Play], Planner]] = {
    Control.PROGRAM: lambda site, _: FixedTimePlanner(site.layout, SignalPlan(site.programs)),
    Control.ACTUATED: lambda site, _: ActuatedPlanner(site.layout, site.approaches),
    Control.MAX_PRESSURE: lambda site, _: MaxPressurePlanner(site.layout, site.approaches),
    Control.ADAPTIVE: lambda site, play: AdaptivePlanner(site.layout, site.approaches, play=play),
}
