"""Bugs in what a round does without somebody."""

from dataclasses import replace
from typing import Any

from director import Director
from director.core.model import Caller, EncodedTensor, TensorRequest
from director.errors import UnavailableError
from director.interface import RunAddress
from director.shell.run import Run
from tests.planted.planting import Planted, regression

_SCENARIO = "scenarios/stragglers"


class WaitsForTheDead(Director):
    """The reference's: a round waits for everybody, for ever."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        opener = self._parts._opener
        opener._rules = replace(opener._rules, offline_grace_s=1e9)


class HalfReportsCount(Director):
    """What the dead had reported counts, although they never reported it all."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        whole = self._parts.collaborations.close_round

        def close_round(run: Run) -> None:
            assert run.open is not None
            running = run.open.aggregation._running
            for results in running._results.values():
                running._reported.update(dict.fromkeys(results))
            whole(run)

        self._parts.collaborations.close_round = close_round  # type: ignore[method-assign]


class OldRoundsAreForgotten(Director):
    """Who asks for a model that is not kept any more is told to ask again."""

    def aggregated_tensor(
        self, caller: Caller, address: RunAddress, request: TensorRequest
    ) -> EncodedTensor:
        run = self._parts.runs.find(address.federation)
        opened = run.open if run is not None else None
        if opened is not None and request.round < min(opened.aggregation._models):
            raise UnavailableError("no such tensor here")
        return super().aggregated_tensor(caller, address, request)


BUGS = (
    Planted(bug=WaitsForTheDead, breaks="experiments-end", scenario=_SCENARIO),
    Planted(bug=HalfReportsCount, breaks="metrics", scenario=_SCENARIO),
    Planted(
        bug=OldRoundsAreForgotten,
        breaks="experiments-end",
        scenario=regression("slept_through_rounds"),
    ),
)
