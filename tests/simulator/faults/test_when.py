"""A window says when in one way, and is refused when it contradicts itself."""

import pytest
from pydantic import TypeAdapter, ValidationError

from simulator.faults.when import At, During, Every, OnEvent, When

WINDOW: TypeAdapter[At | Every | During | OnEvent] = TypeAdapter(When)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"at": "90s"}, At.model_validate({"at": "90s"})),
        ({"at": 0, "for": "5s"}, At.model_validate({"at": 0, "for": "5s"})),
        (
            {"every": "1m", "jitter": "10s", "phase": "storm"},
            Every.model_validate({"every": "60s", "jitter": "10s", "phase": "storm"}),
        ),
        ({"phase": "storm"}, During(phase="storm")),
        ({"event": "download.chunk", "nth": 2}, OnEvent(event="download.chunk", nth=2)),
    ],
)
def test_the_keys_of_a_window_decide_what_it_is(written: object, expected: object) -> None:
    assert WINDOW.validate_python(written) == expected


def test_further_keys_of_an_event_are_what_its_value_must_hold() -> None:
    when = WINDOW.validate_python({"event": "download.chunk", "experiment": "e1", "for": "45s"})

    assert isinstance(when, OnEvent)
    assert when.match == {"experiment": "e1"}
    assert when.lasts == 45


def test_a_window_of_a_decoded_scenario_can_be_decoded_again() -> None:
    for written in ({"at": "1s"}, {"every": "1s"}, {"phase": "storm"}, {"event": "x"}):
        when = WINDOW.validate_python(written)
        assert WINDOW.validate_python(when) == when


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("storm", "a window is a mapping such as {at: 90s}"),
        ({}, "nothing says when: write {at: 90s}"),
        ({"for": "5s"}, "nothing says when"),
        ({"at": "1s", "every": "1s"}, "'at' and 'every' contradict each other: keep one"),
        ({"every": "1s", "event": "x"}, "'every' and 'event' contradict each other: keep one"),
        ({"at": "1s", "phase": "storm"}, "'at' counts from the start of the run"),
        ({"phase": "storm", "for": "5s"}, "'for' contradicts 'phase' alone"),
    ],
)
def test_a_window_that_contradicts_itself_is_refused(written: object, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        WINDOW.validate_python(written)

    (error,) = refusal.value.errors()
    assert message in error["msg"]
    assert error["loc"] == ()
