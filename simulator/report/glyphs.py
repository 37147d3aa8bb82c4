"""The signs that reports on a terminal are made of, and plain ones where those cannot be shown."""

from dataclasses import dataclass

from rich.console import Console, RenderableType

from simulator.checkers.base import Validity
from simulator.checkers.judge import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One set of signs; every sign has a word beside it or in the legend."""

    held: str
    broken: str
    unknown: str
    idle: str
    """Not exercised."""
    waived: str
    arrow: str
    times: str
    bars: str
    """From low to high."""

    def of(self, result: Result) -> tuple[str, str]:
        """Return a result's sign and style."""
        if result.waived is not None:
            return self.waived, "dim"
        match result.validity:
            case Validity.INVALID:
                return self.broken, "bold red"
            case Validity.UNKNOWN:
                return self.unknown, "bold yellow"
            case Validity.VALID if result.was_exercised:
                return self.held, "blue"
            case Validity.VALID:
                return self.idle, "dim"

    def sparkline(self, values: list[float]) -> str:
        """Return a curve as a row of bars; "" for fewer than two values."""
        if len(values) < 2:  # noqa: PLR2004 - a curve needs two points
            return ""
        low, high = min(values), max(values)
        scale = (len(self.bars) - 1) / ((high - low) or 1)
        return "".join(self.bars[round((value - low) * scale)] for value in values)


_FANCY = Glyphs(
    held="✔",
    broken="✘",
    unknown="?",
    idle="\N{EN DASH}",
    waived="~",
    arrow="→",
    times="\N{MULTIPLICATION SIGN}",
    bars="▁▂▃▄▅▆▇█",
)
_PLAIN = Glyphs(
    held="+",
    broken="X",
    unknown="?",
    idle="-",
    waived="~",
    arrow="->",
    times="x",
    bars="_.-=*#",
)


def glyphs(console: Console) -> Glyphs:
    """Return the signs that a console can show."""
    return _FANCY if console.encoding.startswith("utf") else _PLAIN


# What rich and number formats bring in by themselves.
_STAND_INS = str.maketrans({"…": "~", "\N{NARROW NO-BREAK SPACE}": " ", "─": "-"})


def show(console: Console, what: RenderableType, *, soft_wrap: bool = False) -> None:
    """Print something, in what characters the console can show."""
    if console.encoding.startswith("utf"):
        console.print(what, soft_wrap=soft_wrap)
        return
    with console.capture() as captured:
        console.print(what, soft_wrap=soft_wrap)
    text = captured.get().translate(_STAND_INS)
    console.file.write(text.encode(console.encoding, "backslashreplace").decode(console.encoding))
