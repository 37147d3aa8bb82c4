"""One experiment's run, as the shell holds it."""

import asyncio

from director.core.effects import StartRun
from director.core.run_effects import RoundClosed
from director.core.views import RunView
from director.errors import UnavailableError
from director.shell.openings import OpenRun

Closing = asyncio.Future[UnavailableError | None]
"""Done once a round is closed, or it turns out that this will take longer."""


def settle(closing: Closing, delay: UnavailableError | None = None) -> None:
    """Tell whoever waits for a round to be closed that it is, or why it is not yet."""
    if not closing.done():
        closing.set_result(delay)


class Run:
    """It is `open` between its opening and its end."""

    def __init__(self, order: StartRun) -> None:
        self.order = order
        self.participants = frozenset(order.collaborators)
        self.open: OpenRun | None = None
        self.ended = asyncio.Event()
        self.is_given_up = False
        """Whether it is about to fail."""
        self.closing: Closing | None = None
        """Set while its round is being closed."""
        self.outcome: RoundClosed | None = None
        """What the round comes to that is being closed, once that is known."""
        self.alarm: asyncio.TimerHandle | None = None
        """Rings when its roll has to be called again."""
        self.rings_at: float | None = None
        """When that is, in the Director's time of day."""
        self.view: RunView | None = None
        """How far it had come when it was ended, where it had been open."""
        self.tried = asyncio.Event()
        """Set once it is settled, or it turns out that this takes longer."""
        self.settled = asyncio.Event()
        """Set once it is open, or will not be any more."""

    @property
    def is_ended(self) -> bool:
        """Whether its experiment goes on without it."""
        return self.ended.is_set()

    def silence(self) -> None:
        """Let no alarm ring."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = self.rings_at = None
