"""Everything that acts, put together: performs what the core orders, begins and ends it all."""

import asyncio
import logging
from collections.abc import Mapping
from typing import assert_never

from director.clock import Clock
from director.core.effects import (
    CloseRound,
    Deliver,
    Discard,
    Disregard,
    Effect,
    EndWait,
    Release,
    Review,
    StartRun,
    StopRun,
)
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.model import ExperimentId
from director.core.queries import envoys_online, experiments_by_status, recovered
from director.figures import DirectorFigures
from director.interface import ReviewPlan, RunPorts
from director.offload import Offload, Workers, in_thread, in_thread_of_its_own
from director.settings import Settings
from director.shell.accounts import Accounts
from director.shell.blobs import Blobs
from director.shell.closings import Closings
from director.shell.collaborations import Collaborations
from director.shell.failures import Failures
from director.shell.feeds import Feeds
from director.shell.foreigners import Foreigners
from director.shell.logbook import note
from director.shell.openings import Opener
from director.shell.patience import soon
from director.shell.places import Line
from director.shell.retention import Retentions
from director.shell.reviews import Reviews
from director.shell.roll_calls import RollCalls
from director.shell.run import Run
from director.shell.runs import Runs
from director.shell.tasks import Tasks
from director.shell.uploads import Uploads
from director.shell.waits import Waits
from director.shell.writer import Writer
from director.storage import Archives, Journal

_READERS = 2
"""Archives that are read to their ends at once; one may unpack to gigabytes."""


class Machinery:
    """The parts of one Director; without `offload`, work goes into threads."""

    def __init__(
        self,
        federation: Federation,
        *,
        settings: Settings,
        journal: Journal,
        archives: Archives,
        clock: Clock,
        offload: Offload | None,
        review: ReviewPlan | None,
    ) -> None:
        self._federation = federation
        self._archives = archives
        workers = offload or in_thread
        self._readers = Workers(_READERS, name="archive-reader")
        readers = offload or self._readers
        self._work = Tasks()
        """Ends with the Director."""
        self._chores = Tasks()
        """Short, and done to the end."""
        self._blobs = Blobs(archives, self._chores)
        self._foreigners = Foreigners(settings, archives, workers)
        self._opener = Opener(
            blobs=self._blobs,
            offload=workers,
            settings=settings,
            foreigners=self._foreigners,
            rules=federation.rules,
            clock=clock,
            work=self._work,
            chores=self._chores,
        )
        self.writer = Writer(federation, journal, clock, self.perform, workers)
        self.failures = Failures(federation, self.writer, self._work)
        self.waits = Waits()
        limits = settings.limits
        self.feeds = Feeds(max_followers=limits.max_streams_per_experiment)
        roll_calls = RollCalls(federation, clock, close=self._close_round, give_up=self._give_up)
        self.runs = Runs(
            opener=self._opener,
            roll_calls=roll_calls,
            writer=self.writer,
            blobs=self._blobs,
            offload=workers,
            work=self._work,
        )
        self.collaborations = Collaborations(
            runs=self.runs,
            roll_calls=roll_calls,
            closings=Closings(
                writer=self.writer,
                blobs=self._blobs,
                offload=workers,
                foreigners=self._foreigners,
                max_model_bytes=settings.limits.max_model_bytes,
            ),
            feeds=self.feeds,
            writer=self.writer,
            offload=workers,
            work=self._work,
        )
        self.accounts = Accounts(
            feeds=self.feeds,
            writer=self.writer,
            blobs=self._blobs,
            offload=workers,
            chores=self._chores,
        )
        self.uploads = Uploads(
            federation=federation,
            writer=self.writer,
            blobs=self._blobs,
            offload=workers,
            readers=readers,
            settings=settings,
            foreigners=self._foreigners,
            needs_review=review is not None,
        )
        self._reviews = Reviews(
            review,
            writer=self.writer,
            archives=archives,
            offload=readers,
            patient_offload=offload or in_thread_of_its_own,
        )
        self._retentions = Retentions(
            settings.retention,
            federation=federation,
            archives=archives,
            writer=self.writer,
            clock=clock,
        )
        self.downloads = Line("downloads", limits.max_downloads, limits.max_downloads_per_envoy)
        self.refused_failure_reports = 0
        self.is_closing = False

    # ------------------------------------------------------------ beginning and end

    async def start(self) -> None:
        """Remember what was written down, and take up what was under way."""
        self._foreigners.warn()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        count = self.writer.replay()
        await self._archives.keep_only(self._federation.blobs())
        self.writer.gather_up()
        if count:
            took_ms = 1_000 * (loop.time() - began_s)
            note("recovered: %s, %.0f ms", recovered(self._federation), took_ms)
        self._show_metrics()
        self.writer.resume()
        await soon(self.writer.set_limits, what="limits on running experiments", work=self._work)
        self._retentions.begin(self._work)
        if self._opener.is_announced:
            await self.runs.settle()

    def _show_metrics(self) -> None:
        for experiment in self._federation.catalogue:
            if experiment.checkpoint.metrics:
                self.feeds.of(experiment.id).append(experiment.checkpoint.metrics)
                if experiment.status.is_terminal:
                    self._close_account(experiment)

    def announce(self, host: str, port: int) -> None:
        """Learn where collaborators reach the server."""
        self._opener.announce(host, port)

    def use_ports(self, ports: RunPorts) -> None:
        """Learn how to open more ports than the server's own."""
        self._opener.use_ports(ports)

    def drain(self) -> None:
        """Send away those who wait and those who follow; all else goes on."""
        self.is_closing = True
        self.waits.end_all()
        self.feeds.cut_all()

    async def close(self) -> None:
        """Refuse what is under way; end all work; write down the rest."""
        self.drain()
        # Before the disk is let go of: whatever they have written there has to be cleared away.
        await self.uploads.close()
        self.runs.rest()
        # Whatever is still begun by those who are being answered ends at once.
        await self._work.abandon()
        await self._chores.settle()
        await self.writer.close()
        await self._chores.settle()
        await self._archives.close()
        self._readers.close()
        self.runs.let_go()

    async def abandon(self) -> None:
        """End all work where it stands."""
        self.runs.rest()
        for tasks in (self.writer, self._work, self._chores):
            await tasks.abandon()
        self.runs.let_go()

    def held(self) -> Mapping[str, int]:
        """How much there is of what comes and goes."""
        return {
            "waits": len(self.waits),
            "tasks": len(self._work) + len(self._chores) + len(self.writer),
            "archives": len(self._blobs),
            "streams": self.feeds.followers + self.accounts.followers + len(self.downloads),
            "uploads": len(self.uploads),
        }

    def figures(self, now: float) -> DirectorFigures:
        """What there is to count."""
        return DirectorFigures(
            envoys=len(self._federation.registry),
            envoys_online=envoys_online(self._federation, now),
            experiments=experiments_by_status(self._federation),
            held=self.held(),
            rounds_closed=self.collaborations.rounds_closed,
            refused_failure_reports=self.refused_failure_reports,
            journal_seconds=self.writer.append_seconds,
            journal_failures=self.writer.failed_appends,
        )

    # ------------------------------------------------------------ what the core orders

    def perform(self, effect: Effect) -> None:
        """Do it, or begin to; never waits."""
        match effect:
            case Deliver():
                self.waits.tell(effect.wait, effect.experiment)
            case EndWait():
                self.waits.tell(effect.wait, None)
            case Review():
                self._work.spawn(
                    self._reviews.review(effect), name=f"review experiment {effect.experiment}"
                )
            case StartRun():
                note("started", experiment=effect.name)
                self.runs.start(effect)
            case CloseRound():
                self.collaborations.go_on(effect)
            case StopRun():
                self.runs.stop(effect.experiment)
                self._end(effect.experiment)
            case Release():
                self._blobs.release(effect.blobs)
            case Discard():
                self.runs.discard(effect.experiment)
                self.feeds.drop(effect.experiment)
            case Disregard():
                self.refused_failure_reports += 1
                note(
                    "failure report of %s disregarded: %s",
                    effect.collaborator,
                    effect.reason,
                    experiment=effect.experiment,
                    level=logging.WARNING,
                )
            case _:
                assert_never(effect)

    # What a roll call decides; it comes before those who do it.

    def _close_round(self, run: Run) -> None:
        self.collaborations.close_round(run)

    def _give_up(self, run: Run, reason: str) -> None:
        self.collaborations.give_up(run, reason)

    def _end(self, experiment_id: ExperimentId) -> None:
        experiment = self._federation.catalogue.get(experiment_id)
        if experiment is None:
            return  # removed, and about to be discarded
        told = f"{experiment.status}: {experiment.reason}".removesuffix(": ")
        note("ended, %s", told, experiment=experiment.name)
        self._close_account(experiment)

    def _close_account(self, experiment: Experiment) -> None:
        self.feeds.of(experiment.id).end()
        self._chores.spawn(
            self.accounts.close(experiment, self.runs.view(experiment)),
            name=f"close the account of {experiment.id}",
        )
