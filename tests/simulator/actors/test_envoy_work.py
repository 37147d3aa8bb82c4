"""Envoys: how they train what they are handed."""

import asyncio

import pytest

from director.core.lifecycle import Status
from simulator.actors.steps import Submit, SubmitStep
from simulator.actors.training import TrainingSpec
from tests.simulator.actors.envoys import given_experiment
from tests.simulator.actors.house import housed


async def test_an_envoy_trains_what_it_is_handed() -> None:
    async with housed() as house:
        await given_experiment(house, house.envoy("a"), house.envoy("b"))
        await asyncio.sleep(5)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert house.topics("a") == [
            "actor.start",
            "envoy.registered",
            "experiment.distributed",
            *["download.chunk"] * 5,
            "download.done",
            *["round.started", "training.started", "training.done"] * 2,
        ]
        assert [note.value["nth"] for note in house.notes("download.chunk", "a")] == [1, 2, 3, 4, 5]
        assert house.calls("WaitExperiment", "a")[-1].invoked_at > 1


async def test_results_carry_the_tags_that_openfl_gives_them() -> None:
    async with housed() as house:
        await given_experiment(house, house.envoy("a"), rounds=1)
        await asyncio.sleep(5)

        validated, trained, tuned = house.calls("SendLocalTaskResults", "a")
        assert trained.request["task"] == "train"
        assert set(_mapping(trained.request["tensors"])) == {"weights", "bias"}
        assert _tags(trained.request) == {"loss": ["compressed", "metric", "trained"]}
        assert _tags(tuned.request) == {"score": ["compressed", "metric", "validate_local"]}
        assert _tags(validated.request) == {"score": ["compressed", "metric", "validate_agg"]}
        assert validated.request["tensors"] == {}


def _mapping(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _tags(request: object) -> dict[str, object]:
    metrics = _mapping(_mapping(request)["metrics"])
    return {name: list(metric)[1:] for name, metric in metrics.items() if isinstance(metric, list)}


async def test_the_loss_of_a_real_run_falls() -> None:
    async with housed() as house:
        await given_experiment(house, house.envoy("a"), house.envoy("b"), rounds=4)
        await asyncio.sleep(10)

        metrics = house.director.runs["e1"].metrics
        losses = [m.value for m in metrics if (m.origin, m.name) == ("a", "loss")]
        assert len(losses) == 4
        assert losses == sorted(losses, reverse=True)


async def test_training_takes_as_long_as_the_scenario_says() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "40s"})
        await given_experiment(house, house.envoy("a", training=spec), rounds=4)
        await asyncio.sleep(60)

        started, done = house.notes("training.started", "a"), house.notes("training.done", "a")
        lasted = [end.time - start.time for start, end in zip(started, done, strict=True)]
        assert lasted == pytest.approx([10.0] * 4)


async def test_heartbeats_tell_that_an_experiment_runs() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "4s"})
        await given_experiment(house, house.envoy("a", training=spec), rounds=1)
        await asyncio.sleep(8)

        assert house.director.running["a"] == [False, True, True, False, False]


async def test_an_envoy_does_one_experiment_after_the_other() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "10s"})
        envoy = house.envoy("a", training=spec)
        await given_experiment(house, envoy)
        submit = Submit(experiment="e2", to=("a",), chunk=16 * 2**10)
        await house.frontend("bob", [SubmitStep(submit=submit)]).start()
        await asyncio.sleep(30)

        first, second = house.notes("experiment.distributed", "a")
        assert (first.value["experiment"], second.value["experiment"]) == ("e1", "e2")
        assert second.time - first.time > 10


async def test_a_run_at_another_address_is_reached_over_a_channel_of_its_own() -> None:
    async with housed() as house:
        house.director.announce("elsewhere", 60000)
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(5)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert {call.request["connection"] for call in house.calls("WaitExperiment", "a")} == {1, 2}


async def test_a_run_that_is_over_is_left_without_a_word() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "4s"})
        await given_experiment(house, house.envoy("a", training=spec))
        house.director.runs["e1"].status = Status.FAILED
        await asyncio.sleep(8)

        assert house.calls("GetTasks", "a")[-1].response["quit"] is True
        assert house.calls("SetExperimentFailed", "a") == ()
