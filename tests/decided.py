"""Decisions for tests of what is made of them: whatever a test does not care about has a plausible value."""

import json
from functools import cache
from importlib import resources

import jsonschema
import numpy as np

from intersections.decisions import Cause, Party, SensorFault, Severity, SignalReport, TrackReport, Warning, WarningKind, WarningState
from positioning.frames import LocalFrame
from positioning.samples import ObjectClass

NOW_NS = 1_780_000_000_123_456_789  # 2026-05-28T20:26:40.123456789Z
SECOND_NS = 1_000_000_000
BRAUNSCHWEIG = LocalFrame(np.radians(52.2741), np.radians(10.5216), 70.0)


def party(track: int, **changed) -> Party:
    values = {"object_class": ObjectClass.CAR, "vehicle": "", "east_m": 3.0, "north_m": -20.0, "speed_mps": 8.0, "heading_rad": 0.1}
    return Party(track, **(values | changed))


def warning(number: int = 1, now_ns: int = NOW_NS, **changed) -> Warning:
    values = {
        "id": f"icw-{number}",
        "intersection": "ix7",
        "kind": WarningKind.ICW,
        "state": WarningState.RAISED,
        "created_ns": now_ns,
        "updated_ns": now_ns,
        "valid_until_ns": now_ns + SECOND_NS,
        "severity": Severity.DANGER,
        "parties": (party(17), party(23, object_class=ObjectClass.BICYCLE, vehicle="b-4711", heading_rad=1.6)),
        "east_m": 2.0,
        "north_m": 1.0,
        "time_to_conflict_s": 2.5,
        "post_encroachment_s": float("nan"),
        "required_deceleration_mps2": 3.2,
        "confidence": 0.9,
        "cause": Cause("rsu-1", number),
    }
    return Warning(**(values | changed))


def tracks(count: int = 3, now_ns: int = NOW_NS, intersection: str = "ix7", vehicles: dict[int, str] | None = None) -> TrackReport:
    random = np.random.default_rng(7)
    motion = random.normal(size=(count, 5)) * (40.0, 40.0, 8.0, 1.0, 0.1)
    motion[:, 3] %= 2 * np.pi
    return TrackReport(
        intersection,
        now_ns,
        np.arange(count, dtype=np.int64),
        random.integers(0, len(ObjectClass), count).astype(np.uint8),
        motion,
        random.random(count),
        random.random((count, 2)) * 5,
        vehicles or {},
    )


def signal(now_ns: int = NOW_NS, intersection: str = "ix7", state: int = 6) -> SignalReport:
    return SignalReport(intersection, now_ns, (("K1", state), ("F2", 3)), Cause("controller", 4))


def sensor_fault(number: int = 1, now_ns: int = NOW_NS, *, cleared: bool = False) -> SensorFault:
    text = "reported speed stays at 5.68 m/s while the positions move at 22 m/s"
    return SensorFault(f"fault-{number}", "ix7", "rsu-1", "12", "speed", text, now_ns, cleared, Cause("rsu-1", 9))


@cache
def validator(schema: str) -> jsonschema.Draft202012Validator:
    content = json.loads((resources.files("v2x") / "schemas" / f"{schema}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)
