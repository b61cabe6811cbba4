"""Positions of buses as the input log keeps them: JSON, one list a position, whatever they came as."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson

from intersections.buses.samples import BusPosition, BusPositions
from positioning.samples import Verdict
from v2x.arrivals import Arrival, ArrivalKind
from v2x.errors import WireError

NAMES = tuple(field.name for field in fields(BusPosition))


def bus_arrival(network: str, source: str, positions: Sequence[BusPosition], received_ns: int) -> Arrival:
    """What the input queue takes and the log keeps. The sample is made from the bytes, as in replay."""
    payload = encode_positions(positions)
    sample = bus_positions(payload, received_ns)
    return Arrival(ArrivalKind.BUS_POSITIONS, source, network, received_ns, received_ns, payload, sample)


def encode_positions(positions: Sequence[BusPosition]) -> bytes:
    return orjson.dumps([[getattr(position, name) for name in NAMES] for position in positions])


def bus_positions(payload: bytes, received_ns: int) -> BusPositions:
    """Raises WireError."""
    try:
        return BusPositions(tuple(_position(row) for row in orjson.loads(payload)), received_ns)
    except (ValueError, TypeError) as error:
        raise WireError(Verdict.MALFORMED, f"positions of buses: {error}") from error


def _position(row: list[Any]) -> BusPosition:
    given = dict(zip(NAMES, row, strict=True))
    if given["speed_mps"] is None:
        given["speed_mps"] = float("nan")  # JSON has none
    return BusPosition(**given)
