"""Bugs in what the Director removes by itself."""

import asyncio
from collections.abc import Iterable
from typing import Any

from director import Director
from director.core.events import ExperimentRemoved
from director.core.experiments import Experiment
from director.core.model import BlobId
from director.errors import DirectorError
from director.shell.blobs import Blobs
from director.shell.retention import Retentions
from tests.planted.planting import Planted

_SLOW_S = 5.0

AGE = "scenarios/durability_retention"
SIZE = "scenarios/durability_retention_size"


class _ByName(Retentions):
    async def _remove(self, experiment: Experiment) -> None:
        await asyncio.sleep(_SLOW_S)
        gone = ExperimentRemoved(name=experiment.name, owner=experiment.owner)
        try:
            await self._writer.commit(gone)
        except DirectorError:
            return


class WhatIsDueIsKnownByItsName(Director):
    """A removal takes a while, and hits whatever has the name of what was due by then."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts._retentions.__class__ = _ByName


class _Hasty(Retentions):
    def _is_old(self, experiment: Experiment) -> bool:
        limit_s = self._retention.max_age_s
        assert limit_s is not None
        assert experiment.ended_at is not None
        return self._clock.now() - experiment.ended_at >= limit_s / 4


class EndedOnesGoTooSoon(Director):
    """What has ended is removed long before it is due."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts._retentions.__class__ = _Hasty


class _Idle(Retentions):
    def _due(self) -> list[Experiment]:
        return []


class NothingIsEverDue(Director):
    """An operator limits how long things are kept, and nothing is ever removed."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts._retentions.__class__ = _Idle


class _Hoarding(Blobs):
    def release(self, blobs: Iterable[BlobId]) -> None:
        pass


class RemovedOnesLeaveTheirFiles(Director):
    """What is removed is not listed any more; its archive and its models lie there for ever."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts._blobs.__class__ = _Hoarding


class _Blind(Retentions):
    def _due(self) -> list[Experiment]:
        return list(self._federation.catalogue) if self._excess_bytes() > 0 else []


class RoomIsMadeOfWhatRuns(Director):
    """Where too much is stored, whatever is there is removed, be it that it still runs."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts._retentions.__class__ = _Blind


BUGS = (
    Planted(bug=WhatIsDueIsKnownByItsName, breaks="durability", scenario=AGE),
    Planted(bug=EndedOnesGoTooSoon, breaks="durability", scenario=AGE),
    Planted(bug=NothingIsEverDue, breaks="durability", scenario=AGE),
    Planted(bug=RemovedOnesLeaveTheirFiles, breaks="no-residue", scenario=AGE),
    Planted(bug=RoomIsMadeOfWhatRuns, breaks="outcomes[afterwards]", scenario=SIZE),
)
