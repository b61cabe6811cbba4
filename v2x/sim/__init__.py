"""A world of known truth in front of the road: SUMO traffic, roadside sensors, connected vehicles, lamps.

Rules:
* SUMO runs in process (libsumo), one simulation per process; its files go to a folder of the run, never beside the scenario.
* All chance comes from one seed, through one generator per purpose (`randomness.generator`): adding a purpose changes no other.
* Both links carry the same bytes: `wire_link` through real gRPC in (scaled) real time, `direct_link` in lockstep on SUMO's clock.
"""
