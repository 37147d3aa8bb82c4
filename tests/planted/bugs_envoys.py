"""Bugs in how envoys are registered, heard, listed and believed to be alive."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from director import Director, DirectorGRPCServer
from director.core.model import Caller, Device, EnvoyName, ExperimentName, Shard
from director.core.queries import EnvoyView, ExperimentView
from director.errors import UnknownEnvoyError
from director.transport.status import Context
from protos import director_pb2
from tests.planted.planting import Planted, regression


class ListingNeedsAWait(DirectorGRPCServer):
    """The reference's: GetEnvoys is a KeyError while somebody registered has not asked for work."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._is_running: dict[str, bool] = {}

    async def WaitExperiment(  # noqa: N802 - the protocol's name
        self, request: director_pb2.WaitExperimentRequest, context: Context
    ) -> director_pb2.WaitExperimentResponse:
        self._is_running[request.collaborator_name] = False
        return await super().WaitExperiment(request, context)

    async def GetEnvoys(  # noqa: N802 - the protocol's name
        self, request: director_pb2.GetEnvoysRequest, context: Context
    ) -> director_pb2.GetEnvoysResponse:
        response = await super().GetEnvoys(request, context)
        for info in response.envoy_infos:
            info.is_experiment_running = self._is_running[info.shard_info.node_info.name]
        return response


class SilentEnvoysVanish(Director):
    """Who is off-line is not listed at all."""

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        return [view for view in super().envoys(caller) if view.is_online]


class OnceOnlineAlwaysOnline(Director):
    """The reference's: whoever has registered is believed to live for ever."""

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        return [replace(view, is_online=True) for view in super().envoys(caller)]


class OnePeriodIsEnough(Director):
    """A heartbeat counts for one period only, so that one that is late makes its envoy vanish."""

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        now = self._clock.now()
        return [
            replace(view, is_online=now < view.seen_at + view.valid_s / 2)
            for view in super().envoys(caller)
        ]


class OfflineForGood(Director):
    """Who was off-line once has to register before it is believed to live again."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._lost: dict[EnvoyName, None] = {}

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        self._lost.pop(shard.envoy, None)
        return await super().report_shard(caller, shard)

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        views = super().envoys(caller)
        self._lost.update((view.shard.envoy, None) for view in views if not view.is_online)
        return [
            replace(view, is_online=view.is_online and view.shard.envoy not in self._lost)
            for view in views
        ]


class NobodyMayComeBack(Director):
    """A second registration of a name is taken for an impostor's, and turned away."""

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        if self._federation.registry.find(shard.envoy) is not None:
            return False
        return await super().report_shard(caller, shard)


class NoPeriodAtAll(Director):
    """The reference's: the default period is none, and its envoys beat as fast as they can."""

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        await super().report_heartbeat(
            caller, envoy, is_experiment_running=is_experiment_running, devices=devices
        )
        return 0.0


class AThirdOfThePeriod(Director):
    """Envoys are told to come three times as often as they have to."""

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        period_s = await super().report_heartbeat(
            caller, envoy, is_experiment_running=is_experiment_running, devices=devices
        )
        return period_s / 3


class ForgetsTheSilent(Director):
    """Who was silent for too long is unknown to the heartbeat, but listed still."""

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        known = self._federation.registry.get(envoy)
        if self._clock.now() >= known.seen_at + self._federation.rules.valid_s:
            raise UnknownEnvoyError(envoy)
        return await super().report_heartbeat(
            caller, envoy, is_experiment_running=is_experiment_running, devices=devices
        )


class StrangersAreKnown(Director):
    """A heartbeat of somebody who never registered is taken for a good one."""

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
            return self._federation.rules.heartbeat_period_s


class TwoWorkersTwoCaches(Director):
    """Every other listing comes from a cache that the other worker filled some time ago."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._looks = count()
        self._cache: Sequence[EnvoyView] = ()

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        views = super().envoys(caller)
        turn = next(self._looks) % 6
        if turn == 0:
            self._cache = views
        return self._cache if turn % 3 == 2 else views


class ProgressInPercent(Director):
    """Progress is told in percent, where the protocol has a share of 1."""

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        view = super().describe(caller, experiment)
        return replace(view, progress=100 * view.progress)


class ProgressOfTheRound(Director):
    """Progress counts the results of the running round alone, and so begins anew with each."""

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        view = super().describe(caller, experiment)
        busy = sum(each.status == "in_progress" for each in view.collaborators)
        return replace(view, progress=1 - busy / len(view.collaborators))


BUGS = (
    Planted(
        bug=ListingNeedsAWait,
        breaks="registry",
        scenario=regression("registry_before_first_wait"),
    ),
    Planted(
        bug=SilentEnvoysVanish,
        breaks="registry",
        scenario=regression("registry_before_first_wait"),
    ),
    Planted(
        bug=OnceOnlineAlwaysOnline,
        breaks="presence",
        scenario=regression("hearts_skip_and_stutter"),
    ),
    Planted(
        bug=OnePeriodIsEnough,
        breaks="presence",
        scenario=regression("hearts_skip_and_stutter"),
    ),
    Planted(
        bug=NoPeriodAtAll,
        breaks="unknown-heartbeat",
        scenario="tests/planted/one_heart",
    ),
    Planted(
        bug=ForgetsTheSilent,
        breaks="unknown-heartbeat",
        scenario=regression("hearts_skip_and_stutter"),
    ),
    Planted(
        bug=StrangersAreKnown,
        breaks="unknown-heartbeat",
        scenario=regression("failure_report_plaintext"),
    ),
    Planted(bug=TwoWorkersTwoCaches, breaks="monotone", scenario="scenarios/lifecycle"),
    Planted(bug=ProgressInPercent, breaks="monotone", scenario="scenarios/lifecycle"),
    Planted(
        bug=ProgressOfTheRound,
        breaks="monotone",
        scenario=regression("restarted_while_training"),
    ),
    Planted(
        bug=OfflineForGood,
        breaks="all-online",
        scenario=regression("hearts_skip_and_stutter"),
    ),
    Planted(
        bug=NobodyMayComeBack,
        breaks="registry",
        scenario=regression("restarted_while_training"),
    ),
    Planted(
        bug=AThirdOfThePeriod,
        breaks="no-storm",
        scenario=regression("hearts_skip_and_stutter"),
    ),
)
