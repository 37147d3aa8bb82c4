"""Bugs in who is handed which experiment, when, and how often."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from director import Director
from director.core.careers import Careers
from director.core.effects import Effect
from director.core.lifecycle import Status
from director.core.model import Caller, EnvoyName, ExperimentName, Failure
from director.settings import Limits, Settings
from tests.planted.planting import Planted, regression


class EverybodyIsCalled(Director):
    """Whoever has nothing to do gets what runs, whomever it was meant for."""

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        name = await super().wait_experiment(caller, envoy)
        running = self._federation.catalogue.running
        return running[0].name if name is None and running else name

    async def download(
        self, caller: Caller, experiment: ExperimentName, collaborator: EnvoyName
    ) -> AsyncGenerator[bytes, None]:
        known = self._federation.catalogue.named(experiment)
        meant = collaborator if known is None else known.collaborators[0]
        named = Caller(name=meant, is_authenticated=False, connection=caller.connection)
        async for chunk in super().download(named, experiment, meant):
            yield chunk


class FailedIsHandedOut(Director):
    """The reference's: an experiment that has failed is handed out all the same."""

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        name = await super().wait_experiment(caller, envoy)
        if name is not None:
            return name
        failed = (
            experiment.name
            for experiment in self._federation.catalogue
            if experiment.status is Status.FAILED and envoy in experiment.parts
        )
        return next(failed, None)


class FailuresAreIgnoredUnderTls(Director):
    """The reference's: a failure is not heard under TLS, and its envoy gets the thing again."""

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        for experiment in self._federation.catalogue.running:
            if envoy in experiment.parts:
                return experiment.name
        return await super().wait_experiment(caller, envoy)

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        if not caller.is_authenticated:
            await super().report_failure(caller, failure)


class HandedOutOnce(Director):
    """Who was handed an experiment never is again, be it that it died in the middle of it."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._handed: set[tuple[EnvoyName, ExperimentName]] = set()

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        name = await super().wait_experiment(caller, envoy)
        if name is None or (envoy, name) not in self._handed:
            if name is not None:
                self._handed.add((envoy, name))
            return name
        await asyncio.sleep(self._poll_s)
        return None


class _Mute(Careers):
    """Starts experiments, and tells nobody."""

    def _start_ready(self, now: float) -> Sequence[Effect]:
        del now
        effects: list[Effect] = []
        while (experiment := self._catalogue.start_next()) is not None:
            effects.append(experiment.to_run())
        return effects


class NobodyIsWoken(Director):
    """An experiment that starts is found only by those who ask after that."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._federation.careers.__class__ = _Mute


class _Loyal(Careers):
    """Tells each envoy on the long poll that it has had the longest."""

    def _start_ready(self, now: float) -> Sequence[Effect]:
        effects: list[Effect] = []
        while (experiment := self._catalogue.start_next()) is not None:
            effects.append(experiment.to_run())
            for collaborator in experiment.parts:
                envoy = self._deliveries._registry.find(collaborator)
                oldest = None if envoy is None else next(iter(envoy.waits.values()), None)
                if envoy is not None and oldest is not None:
                    delivery = self._deliveries._hand_out(envoy, oldest, now)
                    effects += [] if delivery is None else [delivery]
        return effects


class StalePollsTakeAll(Director):
    """The reference's: a long poll whose client is gone takes the delivery of the live one."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._federation.careers.__class__ = _Loyal


class _Sluggish(Careers):
    """Starts nothing of its own accord."""

    def _start_ready(self, now: float) -> Sequence[Effect]:
        del now
        return ()

    def start_ready(self, now: float) -> Sequence[Effect]:
        """Start what is ready."""
        return super()._start_ready(now)


class PollsForExperiments(Director):
    """The reference's: accepted experiments are picked up by a loop that sleeps ten seconds."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._federation.careers.__class__ = _Sluggish
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        self._polling = asyncio.create_task(self._poll())

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
        await super().close()

    async def _poll(self) -> None:
        careers = self._federation.careers
        assert isinstance(careers, _Sluggish)
        while True:
            await asyncio.sleep(10)
            for effect in careers.start_ready(self._clock.now()):
                self._parts.perform(effect)


class OneAtATime(Director):
    """The reference's: an experiment whose collaborator is absent holds up all that follow."""

    def __init__(self, *, settings: Settings, **keywords: Any) -> None:
        single = Limits(max_running_experiments=1)
        super().__init__(settings=settings.model_copy(update={"limits": single}), **keywords)


BUGS = (
    Planted(
        bug=EverybodyIsCalled,
        breaks="targeting",
        scenario=regression("absent_collaborator"),
    ),
    Planted(
        bug=EverybodyIsCalled,
        breaks="binding",
        scenario=regression("absent_collaborator"),
    ),
    Planted(
        bug=FailedIsHandedOut,
        breaks="targeting",
        scenario=regression("failed_experiment_handed_out"),
    ),
    Planted(
        bug=FailuresAreIgnoredUnderTls,
        breaks="failure-report",
        scenario=regression("failure_report_tls"),
    ),
    Planted(
        bug=FailuresAreIgnoredUnderTls,
        breaks="delivery-once",
        scenario=regression("failure_report_tls"),
    ),
    Planted(
        bug=FailuresAreIgnoredUnderTls,
        breaks="no-storm",
        scenario=regression("failure_report_tls"),
    ),
    Planted(
        bug=HandedOutOnce,
        breaks="experiments-end",
        scenario=regression("restarted_while_training"),
    ),
    Planted(bug=NobodyIsWoken, breaks="delivery", scenario="scenarios/lifecycle"),
    Planted(bug=StalePollsTakeAll, breaks="delivery", scenario=regression("stale_long_poll")),
    Planted(bug=PollsForExperiments, breaks="delivery", scenario="scenarios/lifecycle"),
    Planted(
        bug=OneAtATime,
        breaks="no-blocking",
        scenario=regression("absent_collaborator"),
    ),
)
