"""Variants of a scenario: the same people and faults, or fewer of them, at other times.

Whatever is drawn shrinks towards less: no faults, one envoy, nothing done, short and early windows.
Everything is drawn always, needed or not: choices that depend on none before shrink one by one.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeVar

from hypothesis import strategies as st

from simulator.faults.base import FaultBase
from simulator.faults.when import At, During, Every, OnEvent
from simulator.scenario.schema import Scenario
from simulator.scenario.writing import Document

T = TypeVar("T")

_NEVER_FIRST = (False, True)
_ALWAYS_FIRST = (True, False)
# Of what people do nearly everything stays, as half of it rarely makes sense.
_MOSTLY = (False, True, True, True, True)
_SHARES = (0.25, 0.5, 1.0)
"""How much of a phase is left."""
_MOMENTS = 64
"""At how many different moments a fault may begin or end."""
_RESOLUTION_S = 0.1
_LARGEST_SEED = 2**16
# What says how this very file is to end says nothing of its variants.
_OWN_EXPECTATIONS = ("outcomes", "slo", "coverage")


def variants(document: Document, scenario: Scenario) -> st.SearchStrategy[Document]:
    """Return a strategy for scenarios that ask no more of a Director than this one.

    `scenario` is what the document means.  Not every variant can be loaded: a fault may need who
    is not there any more.
    """
    return st.builds(lambda data: _Variation(data, document, scenario).make(), st.data())


class _Variation:
    """Draws one variant."""

    def __init__(self, data: st.DataObject, document: Document, scenario: Scenario) -> None:
        self._data = data
        self._document = deepcopy(document)
        self._scenario = scenario

    def make(self) -> Document:
        """Return it."""
        document = self._document
        begin_s, end_s = self._phases()
        declared = zip(document.get("faults", ()), self._scenario.faults, strict=True)
        faults = [self._fault(fault, model, begin_s, end_s) for fault, model in declared]
        _put(document, "faults", [fault for fault in faults if fault is not None])
        for group in document.get("envoys", ()):
            self._group(group)
        self._frontends()
        weather = document.get("network", {})
        stays = {key: self._one_of(_NEVER_FIRST) for key in weather}
        _put(document, "network", {key: weather[key] for key in weather if stays[key]})
        expected = document.get("expect", {})
        kept = {key: part for key, part in expected.items() if key not in _OWN_EXPECTATIONS}
        _put(document, "expect", kept)
        document.pop("xfail", None)
        other = self._draw(st.integers(0, _LARGEST_SEED))
        is_declared = self._one_of(_ALWAYS_FIRST)
        document["seed"] = (self._scenario.seed or 0) if is_declared else other
        return document

    def _draw(self, strategy: st.SearchStrategy[T]) -> T:
        return self._data.draw(strategy)

    def _one_of(self, choices: Sequence[T]) -> T:
        return self._draw(st.sampled_from(choices))

    def _fewer(self, count: int) -> int:
        """Return mostly all, as faults may be about any of them."""
        fewer = self._draw(st.integers(1, count))
        return count if self._one_of(_MOSTLY) else fewer

    def _phases(self) -> tuple[float, float]:
        """Shorten what follows the first phase; return from when to when anything may go wrong."""
        lasts = [phase.lasts for phase in self._scenario.phases]
        whole_s = sum(lasts)
        for nth in range(1, len(lasts)):
            share = self._one_of(_SHARES)
            if share < 1:
                lasts[nth] = _rounded(lasts[nth] * share)
                self._document["phases"][nth]["for"] = _told(lasts[nth])
        # What takes its time by nature has as much as ever.
        spared_s = whole_s - sum(lasts)
        if spared_s:
            self._document["recover"] = _told(self._scenario.recover + spared_s)
        # The first phase is the calm one: without it nobody knows what health looks like.
        return (lasts[0] if len(lasts) > 1 else 0.0), sum(lasts)

    # ------------------------------------------------------------ what goes wrong

    def _fault(
        self, fault: Document, model: FaultBase, begin_s: float, end_s: float
    ) -> Document | None:
        """Return a fault at another time, for certain, or at fewer; None: it is left out."""
        stays = self._one_of(_NEVER_FIRST)
        window = self._window(model, begin_s, end_s)
        if self._is_moved(model):
            fault["when"] = window
        if model.probability < 1 and self._one_of(_ALWAYS_FIRST):
            del fault["probability"]
        targets = fault.get("targets")
        if isinstance(targets, dict) and "pick" in targets:
            targets["pick"] = self._one_of(("one", targets["pick"]))
        return fault if stays else None

    def _is_moved(self, model: FaultBase) -> bool:
        """Whether a fault is open for one stretch of time, whatever the scenario says."""
        match model.when:
            case At() | During():
                return True
            case Every():
                return self._one_of(_ALWAYS_FIRST)
            case OnEvent():
                # What happens says best what it takes.
                return self._one_of(_NEVER_FIRST)

    def _window(self, model: FaultBase, begin_s: float, end_s: float) -> Document:
        grid_s = max(_RESOLUTION_S, (end_s - begin_s) / _MOMENTS)
        begin = self._draw(st.integers(0, _MOMENTS - 1))
        lasts = min(self._draw(st.integers(1, _MOMENTS)), _MOMENTS - begin)
        window = {"at": _told(_rounded(begin_s + begin * grid_s))}
        if model.lasts() is None:
            window["for"] = _told(_rounded(lasts * grid_s))
        return window

    # ------------------------------------------------------------ who is there

    def _group(self, group: Document) -> None:
        count = self._fewer(group.get("count", 1))
        _put(group, "count", count if count > 1 else None)
        training = group.get("training", {})
        if "rounds" in training:
            training["rounds"] = self._fewer(training["rounds"])

    def _frontends(self) -> None:
        users: list[Document] = []
        dropped: set[str] = set()
        for user in self._document.get("frontends", ()):
            steps = [(self._step(step), self._one_of(_MOSTLY)) for step in user.get("do", ())]
            if not self._one_of(_MOSTLY):
                steps = [(step, False) for step, _ in steps]
            dropped.update(
                step["submit"]["experiment"]
                for step, stays in steps
                if "submit" in step and not stays
            )
            user["do"] = [step for step, stays in steps if stays]
            users.append(user)
        for user in users:
            user["do"] = [step for step in user["do"] if _experiment(step) not in dropped]
        _put(self._document, "frontends", [user for user in users if user["do"]])

    def _step(self, step: Document) -> Document:
        upload = step.get("submit", {})
        for size in [key for key in ("archive", "chunk") if key in upload]:
            if not self._one_of(_NEVER_FIRST):
                del upload[size]
        if "rounds" in upload:
            upload["rounds"] = self._fewer(upload["rounds"])
        return step


def _experiment(step: Document) -> str | None:
    (told,) = step.values()
    return told.get("experiment") if isinstance(told, dict) else None


def _put(document: Document, key: str, value: Any) -> None:
    """Set a key, or leave it out where there is nothing to say."""
    if value:
        document[key] = value
    else:
        document.pop(key, None)


def _rounded(seconds: float) -> float:
    return max(_RESOLUTION_S, round(seconds, 1))


def _told(seconds: float) -> str:
    return f"{seconds:g}s"
