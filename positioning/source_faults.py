"""What a source says that its own positions contradict: each contradiction told once, and once when it has gone.

Rules:
* One fault per (source, subject, quantity), even when the track it was found on has ended and another begun.
* Bounded: the oldest open fault is forgotten beyond MAX_FAULTS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from positioning.own import OwnLinks
from positioning.track_arrays import TrackArrays
from positioning.track_columns import Mark

MAX_FAULTS = 1024
QUANTITIES = ("speed", "heading")


@dataclass(frozen=True, slots=True)
class SourceFault:
    """`source`: station, or vehicle; `subject`: the station's own number of the object, '' for a vehicle."""

    source: str
    subject: str
    quantity: str
    text: str
    cleared: bool
    found_ns: int


class Faults:
    """Open faults, and those not yet taken."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str], int] = {}
        self._untold: list[SourceFault] = []

    def note(self, arrays: TrackArrays, count: int, stations: Sequence[str], own: OwnLinks, now_ns: int) -> None:
        """Take the kernel's newest `count` events."""
        for track, source, local_id, quantity, cleared, reported, shown in arrays.events[:count].tolist():
            name, subject = (stations[int(source)], str(int(local_id))) if source else (_vehicle(arrays, int(track), own), "")
            self._tell(name, subject, QUANTITIES[int(quantity)], (reported, shown), now_ns, cleared=bool(cleared))

    def note_place(self, vehicle: str, values: tuple[float, float], now_ns: int, *, cleared: bool) -> None:
        """values: how far it said to be from its own track, and how far it could have been."""
        self._tell(vehicle, "", "position", values, now_ns, cleared=cleared)

    def _tell(self, source: str, subject: str, quantity: str, values: tuple[float, float], now_ns: int, *, cleared: bool) -> None:
        key = (source, subject, quantity)
        if cleared != (key in self._open):
            return
        if cleared:
            del self._open[key]
        else:
            self._open[key] = now_ns
            if len(self._open) > MAX_FAULTS:
                del self._open[next(iter(self._open))]
        text = _sentence(source, subject, quantity, values, cleared=cleared)
        self._untold.append(SourceFault(source, subject, quantity, text, cleared, now_ns))
        del self._untold[:-MAX_FAULTS]

    def take(self) -> list[SourceFault]:
        told, self._untold = self._untold, []
        return told

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        untold = [(f.source, f.subject, f.quantity, f.text) for f in self._untold]
        return {
            "open": np.array(list(self._open), dtype=np.str_).reshape(-1, 3),
            "open_ns": np.array(list(self._open.values()), np.int64),
            "untold": np.array(untold, dtype=np.str_).reshape(-1, 4),
            "untold_marks": np.array([(f.cleared, f.found_ns) for f in self._untold], np.int64).reshape(-1, 2),
        }

    @classmethod
    def restored(cls, state: Mapping[str, NDArray[np.generic]]) -> "Faults":
        new = cls()
        for (source, subject, quantity), found_ns in zip(state["open"], state["open_ns"], strict=True):
            new._open[str(source), str(subject), str(quantity)] = int(found_ns)
        for words, (cleared, found_ns) in zip(state["untold"], state["untold_marks"], strict=True):
            source, subject, quantity, text = map(str, words)
            new._untold.append(SourceFault(source, subject, quantity, text, bool(cleared), int(found_ns)))
        return new


def _vehicle(arrays: TrackArrays, track: int, own: OwnLinks) -> str:
    rows = np.flatnonzero(arrays.marks[: arrays.count, Mark.ID] == track)
    return own.name(int(arrays.marks[rows[0], Mark.VEHICLE])) if len(rows) else ""


def _sentence(source: str, subject: str, quantity: str, values: tuple[float, float], *, cleared: bool) -> str:
    who = f"{source} object {subject}" if subject else source
    if quantity == "position":
        if cleared:
            return f"{who}: its position agrees with a track of the roadside again"
        return f"{who}: its own position was {values[0]:.1f} m from its track, {values[1]:.1f} m can be explained; taken from the track"
    reported, shown = values
    unit, scale = ("m/s", 1.0) if quantity == "speed" else ("deg", float(np.degrees(1.0)))
    if cleared:
        return f"{who}: reported {quantity} agrees with the positions again ({reported * scale:.1f} {unit})"
    return f"{who}: reports {quantity} {reported * scale:.1f} {unit} while its positions show {shown * scale:.1f} {unit}; not used"
