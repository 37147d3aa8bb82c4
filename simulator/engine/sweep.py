"""The search for a scenario in which a guarantee breaks, and for the smallest of that kind.

Hypothesis draws and shrinks; every run is in virtual time, so that one seed gives one search.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from textwrap import wrap

from hypothesis import HealthCheck, Phase, find, reject, settings
from hypothesis.errors import NoSuchExample

from director.transport.server import DirectorGRPCServer
from simulator.checkers.base import Validity
from simulator.checkers.judge import Result, Section, Verdict
from simulator.engine.host import ServerFactory
from simulator.engine.run import HarnessError, run_case
from simulator.engine.variants import variants
from simulator.scenario.load import Case, load_text
from simulator.scenario.problem import ScenarioError
from simulator.scenario.writing import Document, written

MOST_SHRINKS = 300
"""Runs that are spent on making what was found smaller; Hypothesis ends it after five minutes."""

_LONGEST_NAME = 64
_LINE = 96
# Runs take their time, and not every variant can be loaded.
_UNHURRIED = (
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
)
_PROMISES = (Section.SAFETY, Section.LIVENESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The smallest scenario found in which a guarantee breaks."""

    guarantee: str
    message: str
    """How it broke."""
    document: Document
    found_after: int
    """So many runs it took to find any that breaks."""

    @property
    def name(self) -> str:
        """What the scenario is called."""
        return str(self.document["name"])

    def text(self, *, again: str, place: Path) -> str:
        """Return a scenario file that breaks the guarantee, to stand in its place.

        `again` is the command that finds it.
        """
        lines = (
            f"Promise under attack: {self.guarantee}.",
            "",
            *wrap(f"{self.message}.", _LINE),
            f"Found and made small by: {again}",
            "",
            f"  {shlex.join(['simulate', str(place)])}",
        )
        return written(self.document, "\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What came of a search."""

    found: Found | None
    runs: int
    """How many scenarios were run."""
    failed: tuple[str, ...]
    """Why the simulator could not judge some of them."""


def sweep(
    case: Case,
    *,
    examples: int,
    seed: int,
    factory: ServerFactory = DirectorGRPCServer,
    on_run: Callable[[str], None] = lambda _: None,
) -> Swept:
    """Draw so many variants of a case, and shrink the first in which a guarantee breaks.

    `on_run` is told before each run what the search is about.
    """
    document = case.root.plain()
    assert isinstance(document, dict)
    search = _Search(case, factory, on_run)
    chosen = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=_UNHURRIED,
    )
    strategy = variants(_stripped(document), case.scenario)
    try:
        smallest = find(strategy, search.breaks, settings=chosen, random=Random(seed))
    except NoSuchExample:
        return Swept(found=None, runs=search.runs, failed=tuple(search.failures))
    assert search.broken is not None
    name = f"{case.scenario.name}_{search.broken}".replace("-", "_")[:_LONGEST_NAME]
    title = f"A breach of {search.broken}, made small"
    head = {"version": 1, "name": name, "title": title}
    found = Found(
        guarantee=search.broken,
        message=search.message(smallest),
        # None of it changes the run.
        document={**head, **smallest, **head},
        found_after=search.found_after,
    )
    return Swept(found=found, runs=search.runs, failed=tuple(search.failures))


def _stripped(document: Document) -> Document:
    """Return a scenario without what is told of it, for that is not true of its variants."""
    told = {"title", "doc", "tags"}
    return {key: value for key, value in document.items() if key not in told}


class _Search:
    """Runs scenarios, and remembers what came of each."""

    def __init__(self, case: Case, factory: ServerFactory, on_run: Callable[[str], None]) -> None:
        self._path = Path(case.path)
        self._factory = factory
        self._on_run = on_run
        # Hypothesis comes back to what it has seen, and must get the same answer.
        self._messages: dict[str, str | None] = {}
        self.broken: str | None = None
        """The guarantee whose smallest breach is sought, once any is broken."""
        self.runs = 0
        self.found_after = 0
        self.failures: list[str] = []

    def breaks(self, document: Document) -> bool:
        """Whether a guarantee breaks in a scenario; after the first, whether that one does."""
        text = written(document)
        if text not in self._messages:
            self._messages[text] = self._broken_in(text)
        return self._messages[text] is not None

    def message(self, document: Document) -> str:
        """Return how the guarantee broke in a scenario in which it does."""
        return self._messages[written(document)] or ""

    def _broken_in(self, text: str) -> str | None:
        if self.broken is not None and self.runs >= self.found_after + MOST_SHRINKS:
            return None
        try:
            (case,) = load_text(text, self._path)
        except ScenarioError:
            reject()
        assert case.scenario.seed is not None
        self.runs += 1
        self._on_run("searching" if self.broken is None else f"shrinking {self.broken}")
        try:
            played = run_case(case, seed=case.scenario.seed, factory=self._factory)
        except HarnessError as error:
            self.failures.append(str(error))
            return None
        result = _first_broken(played.verdict, self.broken)
        if result is None or result.worst is None:
            return None
        if self.broken is None:
            self.broken, self.found_after = result.name, self.runs
        return result.worst.message


def _first_broken(verdict: Verdict, wanted: str | None) -> Result | None:
    """Return the first guarantee that is certainly broken, be it that only one is wanted."""
    broken = [
        result
        for result in verdict.results
        if result.section in _PROMISES
        and result.counts
        and result.validity is Validity.INVALID
        and wanted in {None, result.name}
    ]
    return next((result for result in broken if result.follows is None), next(iter(broken), None))
