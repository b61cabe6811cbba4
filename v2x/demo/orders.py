"""What became of the buses' orders, as an independent listener at the broker hears it: the table at the demo's end.

An order counts once for each state it was heard in, however often that was said.
"""

from collections import defaultdict
from typing import Any

STATES = ("PROPOSED", "SENT", "ACKNOWLEDGED", "CARRIED_OUT")
OTHERS = ("REJECTED", "NOT_CARRIED_OUT", "TIMED_OUT", "WITHDRAWN")
SUPERSEDED = "SUPERSEDED"
COLUMNS = "{:<18}{:>9}{:>6}{:>14}{:>13}{:>9}{:>11}"
HEAD = COLUMNS.format("", "proposed", "sent", "acknowledged", "carried out", "saved", "predicted")


class OrdersHeard:
    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], set[str]] = defaultdict(set)  # by kind and state
        self._effects: dict[str, tuple[str, float, float]] = {}  # by order: kind, saved, predicted; passenger-seconds

    def note(self, body: dict[str, Any]) -> None:
        """A message by the schema `dispatch`."""
        self._ids[body["kind"], body["state"]].add(body["id"])
        if body["measured"] is not None and body["predicted"] is not None:
            self._effects[body["id"]] = (body["kind"], _passenger_s(body["measured"]), _passenger_s(body["predicted"]))

    def count(self, state: str, kind: str = "") -> int:
        return sum(len(ids) for (of_kind, in_state), ids in self._ids.items() if in_state == state and kind in {"", of_kind})

    @property
    def effects(self) -> int:
        """Of how many orders it is known what they were worth."""
        return len(self._effects)

    def saved(self, kind: str = "") -> tuple[float, float]:
        """Passenger-seconds as measured and as predicted, of the orders whose effect is known."""
        known = [(saved, predicted) for of_kind, saved, predicted in self._effects.values() if kind in {"", of_kind}]
        return sum(saved for saved, _ in known), sum(predicted for _, predicted in known)

    def table(self) -> list[str]:
        kinds = sorted({kind for kind, _ in self._ids})
        if not kinds:
            return ["none was needed"]
        rows = [self._row(kind.lower().replace("_", " "), kind) for kind in kinds]
        others = ", ".join(f"{self.count(state)} {state.lower().replace('_', ' ')}" for state in OTHERS if self.count(state))
        known = f"saved and predicted: passenger-seconds, of the {self.effects} orders whose effect is known"
        return [HEAD, *rows, self._row("all", ""), *([f"of all {others}"] if others else []), known]

    def _row(self, name: str, kind: str) -> str:
        counts = (f"{self.count(state, kind):,}" for state in STATES)
        return COLUMNS.format(name, *counts, *(f"{figure:,.0f}" for figure in self.saved(kind)))


def _passenger_s(effect: dict[str, float]) -> float:
    return effect["waiting_s"] + effect["in_vehicle_s"]
