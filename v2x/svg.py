"""Plain plots as SVG text: bars, lines and dots on two axes. They stand in a page without asking anybody for a script or a font."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, isfinite, log10

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 44
COLOURS = ("#1f6f8b", "#d1495b", "#66a182", "#edae49", "#775892", "#5c6b73")
TICKS = 6

Point = tuple[float, float]


@dataclass(slots=True)
class Plot:
    """`x_label`, `y_label`: with their units. `x_text`: how a tick of the x axis is written."""

    title: str
    x_label: str
    y_label: str
    x_range: Point
    y_range: Point
    x_text: Callable[[float], str] = "{:g}".format
    y_text: Callable[[float], str] = "{:g}".format
    _marks: list[str] = field(default_factory=list)
    _names: list[tuple[str, str]] = field(default_factory=list)

    def bars(self, points: Iterable[Point], width: float, colour: int = 0, name: str = "") -> None:
        base = self._y(max(self.y_range[0], 0.0))
        for x, y in _finite(points):
            left, right, top = self._x(x - width / 2), self._x(x + width / 2), self._y(y)
            place = f'x="{left:.1f}" y="{min(top, base):.1f}" width="{right - left:.1f}" height="{abs(base - top):.1f}"'
            self._marks.append(f'<rect {place} fill="{_colour(colour)}"/>')
        self._note(name, colour)

    def line(self, points: Iterable[Point], colour: int = 0, name: str = "", weight: float = 1.5) -> None:
        places = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in _finite(points))
        if places:
            self._marks.append(f'<polyline points="{places}" fill="none" stroke="{_colour(colour)}" stroke-width="{weight}"/>')
        self._note(name, colour)

    def dots(self, points: Iterable[Point], colour: int = 0, name: str = "") -> None:
        self._marks += [
            f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="2.5" fill="{_colour(colour)}"/>' for x, y in _finite(points)
        ]
        self._note(name, colour)

    def text(self) -> str:
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title, quote=True)}">',
            f'<text x="{LEFT}" y="18" class="title">{escape(self.title)}</text>',
            *self._axes(),
            *self._marks,
            *self._legend(),
            "</svg>",
        ]
        return "\n".join(parts)

    def _axes(self) -> Iterable[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for value in ticks(*self.y_range):
            y = self._y(value)
            yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" class="grid"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(self.y_text(value))}</text>'
        for value in ticks(*self.x_range):
            yield f'<text x="{self._x(value):.1f}" y="{bottom + 16}" text-anchor="middle">{escape(self.x_text(value))}</text>'
        yield f'<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" class="axis"/>'
        yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(self.x_label)}</text>'
        middle = (TOP + bottom) / 2
        yield f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(self.y_label)}</text>'

    def _legend(self) -> Iterable[str]:
        x = float(WIDTH - RIGHT)
        for name, colour in reversed(self._names):
            x -= 7.0 * len(name) + 24.0
            yield f'<rect x="{x:.0f}" y="9" width="10" height="10" fill="{colour}"/><text x="{x + 14:.0f}" y="18">{escape(name)}</text>'

    def _note(self, name: str, colour: int) -> None:
        if name:
            self._names.append((name, _colour(colour)))

    def _x(self, value: float) -> float:
        return LEFT + _part(value, self.x_range) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - _part(value, self.y_range) * (HEIGHT - TOP - BOTTOM)


def ticks(low: float, high: float) -> Sequence[float]:
    """Round values within a range, at most about TICKS of them."""
    if not high > low:
        return (low,)
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999)
    return [round(number * step, 10) for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _part(value: float, span: Point) -> float:
    return min(max((value - span[0]) / (span[1] - span[0]), 0.0), 1.0) if span[1] > span[0] else 0.5


def _finite(points: Iterable[Point]) -> Iterable[Point]:
    return [(x, y) for x, y in points if isfinite(x) and isfinite(y)]


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
