"""The day's service so far, of each bus network: the figures as JSON and as the page of `v2x report`, for whoever asks.

Rules:
* A `DecisionSink` that only takes note of stop calls; figures are made when they are asked for, and kept for a minute of the road's time.
* Making them takes a moment: it happens in a thread, of a copy, so that neither waits for the other; one at a time, however many ask.
* The day begins with the process: calls before its start are not known.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
        self._making = asyncio.Lock()

    def publish(self, decisions: Sequence[Decision], now_ns: int) -> None:
        self._now_ns = now_ns
        for decision in decisions:
            if isinstance(decision, BusReport) and decision.intersection in self._records:
                self._records[decision.intersection].observe(decision.calls)

    async def told(self, network: str, kind: str) -> bytes | None:
        """`kind`: one of FORMS; None for what there is not."""
        if network not in self._records or kind not in FORMS:
            return None
        async with self._making:
            made_ns, made = self._made.get((network, kind), (self._now_ns - KEPT_NS, b""))
            if self._now_ns - made_ns >= KEPT_NS:
                made_ns, record = self._now_ns, self._records[network].copy()
                made = await asyncio.to_thread(FORMS[kind], self._networks[network], record)
                self._made[network, kind] = made_ns, made
        return made


def _page(network: BusNetwork, record: ServiceRecord) -> bytes:
    day = datetime.fromtimestamp((network.midnight_ns + HALF_DAY_NS) / 1e9, UTC).date()  # noon is the same day from -12 to +12 h
    return report_page(network, record, day, Counter()).encode()


def _figures(_network: BusNetwork, record: ServiceRecord) -> bytes:
    groups = {"all": (), "line": BY[:2], "hour": BY[2:], "line_hour": BY}
    return orjson.dumps({name: [_known(one) for one in record.figures(by)] for name, by in groups.items()})


FORMS: dict[str, Callable[[BusNetwork, ServiceRecord], bytes]] = {HTML: _page, JSON: _figures}


def _known(one: Figures) -> dict[str, str | float]:
    """Without what nothing is known of."""
    return {name: value for name, value in asdict(one).items() if not (isinstance(value, float) and isnan(value))}
