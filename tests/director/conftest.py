"""What tests of restarts are given."""

import pytest

from director.storage import MemoryArchives, MemoryJournal
from tests.director.durable import Storage


@pytest.fixture
def storage() -> Storage:
    """What outlives the Directors of a test."""
    return {"journal": MemoryJournal(), "archives": MemoryArchives()}
