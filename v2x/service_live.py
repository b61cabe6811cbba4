"""The day's service so far, of each bus network: the figures as JSON and as the page of `v2x report`, for whoever asks.

Rules:
* A `DecisionSink` that only takes note of stop calls; figures are made when they are asked for, and kept for a minute of the road's time.
* Making them takes a moment: ask beside the loop (`asyncio.to_thread`), never on it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isnan

import orjson

from intersections.buses.decisions import BusReport
from intersections.buses.figures import BY, Figures, ServiceRecord
from intersections.buses.network import BusNetwork
from intersections.decisions import Decision
from v2x.service_report import report_page

KEPT_NS = 60_000_000_000
HALF_DAY_NS = 43_200_000_000_000
HTML, JSON = "service.html", "service.json"


class LiveService:
    def __init__(self, networks: Mapping[str, BusNetwork]) -> None:
        self._networks = dict(networks)
        self._records = {name: ServiceRecord(network) for name, network in networks.items()}
        self._now_ns = 0
        self._made: dict[tuple[str, str], tuple[int, bytes]] = {}

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        self._now_ns = now_ns
        for decision in decisions:
            if isinstance(decision, BusReport) and decision.intersection in self._records:
                self._records[decision.intersection].observe(decision.calls)

    def feed(self, network: str, kind: str) -> bytes | None:
        """`kind`: HTML or JSON; None for what there is not."""
        if network not in self._records or kind not in {HTML, JSON}:
            return None
        made_ns, made = self._made.get((network, kind), (self._now_ns - KEPT_NS, b""))
        if self._now_ns - made_ns >= KEPT_NS:
            made = self._page(network) if kind == HTML else self._figures(network)
            self._made[network, kind] = self._now_ns, made
        return made

    def _page(self, network: str) -> bytes:
        planned = self._networks[network]
        day = datetime.fromtimestamp((planned.midnight_ns + HALF_DAY_NS) / 1e9, UTC).date()  # noon is the same day from -12 to +12 h
        return report_page(planned, self._records[network], day, Counter()).encode()

    def _figures(self, network: str) -> bytes:
        record = self._records[network]
        groups = {"all": (), "line": BY[:2], "hour": BY[2:], "line_hour": BY}
        return orjson.dumps({name: [_known(one) for one in record.figures(by)] for name, by in groups.items()})


def _known(one: Figures) -> dict[str, str | float]:
    """Without what nothing is known of."""
    return {name: value for name, value in asdict(one).items() if not (isinstance(value, float) and isnan(value))}
