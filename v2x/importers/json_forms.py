"""The ways in which JSON writes the same ASN.1: wrapped lists, numbers as text, bit strings, degrees or 1e-7 degrees."""

import math
from collections.abc import Collection, Mapping
from typing import Any

from v2x.importers.surveyed import DEFAULT_SPEED_LIMIT_MPS

Item = Mapping[str, Any]

VEHICLE_MAX_SPEED = 5  # SpeedLimitType
SPEED_UNIT_MPS = 0.02


def items(value: Any) -> list[Any]:
    """A list, however wrapped: null, [..], {"Node": [..]}, or {"Node": {..}} where there is only one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    inner = next(iter(value.values())) if isinstance(value, Mapping) and len(value) == 1 else None
    if isinstance(inner, list):
        return inner
    if isinstance(inner, Mapping):
        return [inner]
    raise TypeError(f"{str(value)[:60]!r} is not a list")


def angle_rad(value: Any) -> float:
    """Whole numbers are 1e-7 degrees, as on the wire; numbers with a point are degrees."""
    if isinstance(value, str):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not an angle")
    return math.radians(value * 1e-7 if isinstance(value, int) else value)


def whole(value: Any) -> int:
    """A whole number, also as text; a fraction would be another unit than the standard's."""
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or number != int(number):
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def group_id(value: Any) -> str:
    """Signal group and phase numbers; 0 and absent mean that no lamp rules the movement."""
    return "" if value is None or whole(value) == 0 else str(whole(value))


def flag_set(flags: Any, names: Mapping[str, int]) -> bool:
    """Whether one of the named flags is set, in {"name": true} or in a bit string by position."""
    if isinstance(flags, Mapping):
        return any(flags.get(name) for name in names)
    return isinstance(flags, str) and any(flags[position : position + 1] == "1" for position in names.values())


def speed_limit_mps(limits: Any) -> float | None:
    """The limit for all vehicles, else the first one given; None where there is none."""
    given = items(limits)
    if not given:
        return None
    general = [limit for limit in given if _is_vehicle_max(limit.get("type"))]
    return whole((general or given)[0]["speed"]) * SPEED_UNIT_MPS


def first_limit_mps(limits: Collection[Any]) -> float:
    """Of the lane, else of what surrounds it, else the default."""
    found = (speed_limit_mps(limit) for limit in limits)
    return next((limit for limit in found if limit), DEFAULT_SPEED_LIMIT_MPS)


def _is_vehicle_max(kind: Any) -> bool:
    name = next(iter(kind), "") if isinstance(kind, Mapping) else kind
    return name in (VEHICLE_MAX_SPEED, str(VEHICLE_MAX_SPEED), "vehicleMaxSpeed")
