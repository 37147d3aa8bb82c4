"""A frontend's steps, as scenarios write them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from simulator.actors import steps

STEPS: TypeAdapter[tuple[steps.Step, ...]] = TypeAdapter(tuple[steps.Step, ...])


def test_steps_are_read_from_single_key_mappings() -> None:
    written: list[dict[str, object]] = [
        {"submit": {"experiment": "e1", "archive": "8 MiB", "chunk": "2 MiB", "to": "@hospital"}},
        {"follow_metrics": {"experiment": "e1", "reconnect": True}},
        {"fetch_model": {"experiment": "e1", "which": "best"}},
        {"expect_denied": {"rpc": "GetExperimentStatus", "experiment": "e1"}},
        {"list": {}},
        {"describe": {"experiment": "e1"}},
        {"status": {"experiment": "e1"}},
        {"remove": {"experiment": "e1"}},
        {"await_end": {"experiment": "e1", "within": "5m"}},
        {"sleep": "30s"},
        {"misupload": {"experiment": "bad", "mode": "not_zip"}},
    ]

    read = STEPS.validate_python(written)

    assert read[0] == steps.SubmitStep(
        submit=steps.Submit(experiment="e1", archive=8 * 2**20, chunk=2 * 2**20, to="@hospital")
    )
    assert [list(type(step).model_fields) for step in read] == [list(step) for step in written]


def test_quantities_have_units() -> None:
    (step,) = STEPS.validate_python([{"sleep": "30s"}])

    assert isinstance(step, steps.SleepStep)
    assert step.sleep == 30.0


def test_recipients_may_be_listed_by_name() -> None:
    (step,) = STEPS.validate_python([{"submit": {"experiment": "e1", "to": ["a", "b"]}}])

    assert isinstance(step, steps.SubmitStep)
    assert step.submit.to == ("a", "b")


def test_steps_that_were_read_can_be_read_again() -> None:
    read = STEPS.validate_python([{"sleep": "30s"}, {"list": {}}])

    assert STEPS.validate_python(read) == read


def test_an_unknown_step_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match=r"'sumbit'.*'submit', 'follow_metrics'"):
        STEPS.validate_python([{"sumbit": {}}])


@pytest.mark.parametrize("step", [{}, {"list": {}, "sleep": "3s"}])
def test_a_step_does_one_thing(step: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="a step has one key"):
        STEPS.validate_python([step])


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ({"submit": {"to": "all"}}, "submit.experiment"),
        ({"fetch_model": {"experiment": "e1", "which": "worst"}}, "fetch_model.which"),
        ({"misupload": {"experiment": "e1", "mode": "upside_down"}}, "misupload.mode"),
        ({"submit": {"experiment": "e1", "to": "all", "chunk": 0}}, "submit.chunk"),
        ({"expect_denied": {"rpc": "GetEnvoys", "experiment": "e1"}}, "expect_denied.rpc"),
    ],
)
def test_an_error_is_found_where_it_stands(step: dict[str, object], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        STEPS.validate_python([step])

    (error,) = caught.value.errors()
    assert ".".join(map(str, error["loc"][-2:])) == place
