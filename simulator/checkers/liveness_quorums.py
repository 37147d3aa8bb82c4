"""Whether those ran on whom an experiment depends: all who take part in it, or enough of them.

Facts read off the record; no promise is judged here.
"""

from collections.abc import Mapping, Sequence

from director.core.rules import Quorum
from simulator.checkers.liveness_facts import Span, lived_through
from simulator.checkers.liveness_stories import Story
from simulator.history.entry import Header


def collaborators_lived(
    story: Story, alive: Mapping[str, Sequence[Span]], begin: float, end: float
) -> bool:
    """Whether everybody who takes part ran between two moments."""
    return all(lived_through(alive.get(name, ()), begin, end) for name in story.collaborators)


def enough_lived(
    story: Story, alive: Mapping[str, Sequence[Span]], window: Span, header: Header
) -> bool:
    """Whether a quorum ran all through a window, and rounds had to go on without all others.

    Who died too late for that, or came back, may rightly be waited for.
    """
    lived = [
        name
        for name in story.collaborators
        if lived_through(alive.get(name, ()), window.begin, window.end)
    ]
    if len(lived) == len(story.collaborators):
        return True
    if not header.dead_after_s:
        return False
    given_up_by = window.end - header.dead_after_s - header.transit_s
    return len(lived) >= Quorum.read(header.quorum).of(len(story.collaborators)) and all(
        all(life.end <= given_up_by for life in alive.get(name, ()))
        for name in story.collaborators
        if name not in lived
    )
