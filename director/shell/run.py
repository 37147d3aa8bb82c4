"""One experiment's run, as the shell holds it."""

import asyncio

from director.core.effects import StartRun
from director.core.views import RunView
from director.shell.openings import OpenRun
from director.shell.trained import TrainedModels


class Run:
    """It is `open` between its opening and its end."""

    def __init__(self, order: StartRun) -> None:
        self.order = order
        self.participants = frozenset(order.collaborators)
        self.open: OpenRun | None = None
        self.is_ended = False
        self.is_given_up = False
        """Whether it is about to fail."""
        self.closing: asyncio.Future[None] | None = None
        """Set while its round is being closed."""
        self.alarm: asyncio.TimerHandle | None = None
        """Rings when its roll has to be called again, if it has to."""
        self.view = RunView()
        self.trained: TrainedModels | None = None
        self.settled = asyncio.Event()
        """Set once it is open, or will not be any more."""

    def silence(self) -> None:
        """Let no alarm ring."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
