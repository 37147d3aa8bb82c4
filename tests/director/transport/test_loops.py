"""The loop that a serving process runs on."""

from importlib.util import find_spec

from director.transport.loops import quick_loop


def test_a_serving_process_runs_on_uvloop_where_it_is_installed() -> None:
    make = quick_loop()

    if make is None:
        assert find_spec("uvloop") is None
        return
    loop = make()
    loop.close()
    assert type(loop).__module__ == "uvloop"
