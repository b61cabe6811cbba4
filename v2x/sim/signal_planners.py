"""Which planner `--control` names, for one intersection read from SUMO."""

from collections.abc import Callable

from intersections.signals.actuated import ActuatedPlanner
from intersections.signals.control import Planner
from intersections.signals.fixed_time import FixedTimePlanner
from intersections.signals.max_pressure import MaxPressurePlanner
from intersections.signals.optimise import AdaptivePlanner
from intersections.signals.plan import SignalPlan
from v2x.importers.sumo_signals import SignalSite
from v2x.sim.signal_arguments import Control

PLANNERS: dict[Control, Callable[[SignalSite], Planner]] = {
    Control.PROGRAM: lambda site: FixedTimePlanner(site.layout, SignalPlan(site.programs)),
    Control.ACTUATED: lambda site: ActuatedPlanner(site.layout, site.approaches),
    Control.MAX_PRESSURE: lambda site: MaxPressurePlanner(site.layout, site.approaches),
    Control.ADAPTIVE: lambda site: AdaptivePlanner(site.layout, site.approaches),
}
