"""A small writer of SVG: rectangles, lines, words and signs, styled by class, escaped always."""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from simulator.report.style import readable

# Of signs, drawn around their middle, within five pixels either way.
_SIGNS = {
    "cross": "M-4,-4 L4,4 M-4,4 L4,-4",
    "pause": "M-2.5,-4.5 V4.5 M2.5,-4.5 V4.5",
    "play": "M-3,-4.5 L4.5,0 L-3,4.5 Z",
    "tick": "M0,-5 V5",
    "dagger": "M0,-5 V6 M-3,-2 H3",
    "arrow": "M-4,-4 L3,0 L-4,4",
}


@dataclass(slots=True)
class Canvas:
    """Collects shapes, first the hindmost."""

    width: float
    height: float = 0.0
    """Grows as shapes are added below."""
    _parts: list[str] = field(default_factory=list)

    def rect(
        self, x: float, y: float, width: float, height: float, *, css: str, hint: str = ""
    ) -> None:
        """Add a rectangle; the hint shows when it is pointed at."""
        # What is too short to be seen is drawn a pixel wide all the same.
        self._add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}"'
            f" class={quoteattr(css)}",
            "rect",
            hint,
            y + height,
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """Add a straight line."""
        self._add(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class={quoteattr(css)}',
            "line",
            "",
            max(y1, y2),
        )

    def path(self, points: list[tuple[float, float]], css: str) -> None:
        """Add a line through points."""
        route = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        bottom = max(y for _, y in points)
        self._add(f'<path d="M{route}" class={quoteattr(css)}', "path", "", bottom)

    def words(self, x: float, y: float, words: str, css: str, *, hint: str = "") -> None:
        """Add words whose base line begins there, or ends or is centred as the class says."""
        shown = escape(readable(words))
        title = f"<title>{escape(readable(hint))}</title>" if hint else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class={quoteattr(css)}>{title}{shown}</text>'
        )
        self.height = max(self.height, y)

    def sign(self, name: str, x: float, y: float, css: str, hint: str = "") -> None:
        """Add one of the known signs around a point."""
        self._add(
            f'<path d="{_SIGNS[name]}" transform="translate({x:.1f},{y:.1f})"'
            f" class={quoteattr(css)}",
            "path",
            hint,
            y + 5,
        )

    def dot(self, x: float, y: float, css: str, hint: str = "") -> None:
        """Add a point that can be seen."""
        self._add(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class={quoteattr(css)}',
            "circle",
            hint,
            y + 3,
        )

    def to_svg(self, label: str, css: str) -> str:
        """Return the whole picture; the label tells it to those who cannot see it."""
        return (
            f'<svg viewBox="0 0 {self.width:.0f} {self.height + 4:.0f}" role="img"'
            f" class={quoteattr(css)} aria-label={quoteattr(readable(label))}>"
            + "".join(self._parts)
            + "</svg>"
        )

    def _add(self, opening: str, tag: str, hint: str, bottom: float) -> None:
        ending = f"><title>{escape(readable(hint))}</title></{tag}>" if hint else "/>"
        self._parts.append(opening + ending)
        self.height = max(self.height, bottom)


def alone(sign: str, css: str) -> str:
    """Return one of the known signs as a picture of its own, for a legend."""
    return (
        '<svg viewBox="-9 -6 18 12" aria-hidden="true">'
        f'<path d="{_SIGNS[sign]}" class={quoteattr(css)}/></svg>'
    )
