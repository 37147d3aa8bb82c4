"""How a journal becomes a federation again: for a start, and for whoever looks at a copy."""

import logging
from collections.abc import Iterator

from director.core.events import UNSAID_RUNNING_LIMIT
from director.core.federation import Federation
from director.core.snapshots import Snapshot, restore
from director.errors import DirectorError
from director.storage.ports import Entry, Journal

_log = logging.getLogger(__name__)


def replayed(journal: Journal, federation: Federation) -> Iterator[Entry]:
    """Yield what the journal holds, each entry once the federation has it, without its effects.

    Nothing has happened to the federation yet.

    Raises:
        StateError: the journal is damaged, or another version wrote it.
    """
    federation.catalogue.running_limit = UNSAID_RUNNING_LIMIT
    for entry in journal.replay():
        if isinstance(entry.record, Snapshot):
            restore(federation, entry.record)
        else:
            try:
                federation.apply(entry.record, entry.now)
            except DirectorError as refusal:
                # As it was when it happened: somebody else had been quicker.
                _log.debug("refused again in the replay: %s", refusal)
        yield entry
