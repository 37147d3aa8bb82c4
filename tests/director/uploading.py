"""Uploads that are refused, and a Director that holds nothing of them."""

from collections.abc import AsyncIterator

import pytest

from director.errors import DirectorError
from director.interface import UploadPart
from tests.director.house import House, caller

EMPTY_HANDED = {"waits": 0, "tasks": 0, "archives": 0, "streams": 0, "uploads": 0}


async def refused(house: House, upload: AsyncIterator[UploadPart]) -> DirectorError:
    """Upload in vain, and see that nothing is left of it."""
    with pytest.raises(DirectorError) as refusal:
        await house.director.submit(caller(), upload)
    assert await house.settled() == EMPTY_HANDED
    assert house.director.experiments(caller()) == []
    assert list(house.journal.replay()) == []
    return refusal.value
