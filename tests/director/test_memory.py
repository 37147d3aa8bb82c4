"""What a process that serves does about its memory; that uploads are kept small is a benchmark."""

import gc

from director import memory


def test_what_is_there_is_not_searched_for_garbage() -> None:
    memory.expect_large_messages()
    memory.keep_what_is_there()

    kept = gc.get_freeze_count()

    gc.unfreeze()
    assert kept > 0
