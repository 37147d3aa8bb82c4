"""Bugs that show when the Director goes down and comes back."""

from collections.abc import Sequence
from typing import Any

from director import Director
from director.core.effects import Effect
from director.core.federation import Federation
from director.core.model import Caller, Device, EnvoyName, ExperimentName
from director.errors import UnavailableError, UnknownEnvoyError
from director.storage import Archives, Journal, MemoryArchives, MemoryJournal
from tests.planted.planting import Planted, regression


class _Resting(Federation):
    """Remembers what was under way, and lets it lie."""

    def resume(self, now: float) -> Sequence[Effect]:
        del now
        return ()


class NothingIsResumed(Director):
    """What was running when the Director went down is in progress for ever."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._federation.__class__ = _Resting


class ForgottenEnvoysAreKeptWaiting(Director):
    """The reference's: all is forgotten; and here nobody is told that it has to register again."""

    def __init__(self, *, journal: Journal, archives: Archives, **keywords: Any) -> None:
        del journal, archives
        super().__init__(journal=MemoryJournal(), archives=MemoryArchives(), **keywords)

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        try:
            return await super().wait_experiment(caller, envoy)
        except UnknownEnvoyError:
            return None

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        try:
            return await super().report_heartbeat(
                caller, envoy, is_experiment_running=is_experiment_running, devices=devices
            )
        except UnknownEnvoyError:
            raise UnavailableError("this Director has only just started") from None


BUGS = (
    Planted(bug=NothingIsResumed, breaks="comeback", scenario=regression("killed_and_back")),
    Planted(
        bug=ForgottenEnvoysAreKeptWaiting,
        breaks="all-online",
        scenario=regression("killed_and_back"),
    ),
)
