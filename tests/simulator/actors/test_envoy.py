"""Envoys: how they come, live, work and bear what goes wrong."""

import asyncio
from collections import deque

import pytest

from director.core.lifecycle import Status
from director.errors import (
    DirectorError,
    ForbiddenError,
    UnauthenticatedError,
    UnavailableError,
)
from simulator.actors.envoy import Envoy
from simulator.actors.steps import Submit, SubmitStep
from simulator.actors.training import TrainingSpec
from simulator.history.entry import Kind
from tests.simulator.actors.house import House, housed

LOST = UnavailableError("lost")


async def given_experiment(house: House, *envoys: Envoy, name: str = "e1", rounds: int = 2) -> None:
    """Let envoys come, and alice submit an experiment for all of them; a second passes."""
    for envoy in envoys:
        await envoy.start()
    submit = Submit(
        experiment=name, to=tuple(e.id for e in envoys), chunk=16 * 2**10, rounds=rounds
    )
    await house.frontend(f"alice-{name}", [SubmitStep(submit=submit)]).start()
    await asyncio.sleep(1)


def refuse(house: House, method: str, *errors: DirectorError | None) -> None:
    house.director.refuses[method] = deque(errors)


# ---------------------------------------------------------------- coming and living


async def test_an_envoy_registers_beats_and_waits() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await asyncio.sleep(5)

        assert house.topics("a") == ["actor.start", "envoy.registered"]
        (registration,) = house.calls("UpdateShardInfo", "a")
        assert registration.response == {"accepted": True}
        assert [call.invoked_at for call in house.calls("UpdateEnvoyStatus", "a")] == [0, 2, 4]
        assert all(call.request["name"] == "a" for call in house.calls("WaitExperiment", "a"))


async def test_an_envoy_says_who_it_is() -> None:
    async with housed() as house:
        await house.envoy("a", profile="openfl-1.6").start()
        await asyncio.sleep(1)

        (start,) = house.notes("actor.start", "a")
        assert start.value == {
            "kind": "envoy",
            "identity": "",
            "group": "hospital",
            "labels": {"region": "eu"},
            "profile": "openfl-1.6",
        }


@pytest.mark.parametrize(("profile", "known_as"), [("robust", "a"), ("openfl-1.6", "__default__")])
async def test_only_robust_envoys_name_themselves_in_plaintext(profile: str, known_as: str) -> None:
    async with housed() as house:
        await house.envoy("a", profile=profile).start()
        await asyncio.sleep(1)

        assert house.director.callers["report_shard"] == {known_as}
        (registration,) = house.calls("UpdateShardInfo", "a")
        assert registration.request["as"] == ("a" if profile == "robust" else "")


@pytest.mark.parametrize("profile", ["robust", "openfl-1.6"])
async def test_a_forgotten_envoy_registers_again(profile: str) -> None:
    async with housed() as house:
        await house.envoy("a", profile=profile).start()
        await asyncio.sleep(1)

        house.director.envoy_shards.clear()
        await asyncio.sleep(10)

        assert "a" in house.director.envoy_shards
        assert house.topics("a") == ["actor.start", "envoy.registered", "envoy.reregistered"]


async def test_a_robust_envoy_registers_again_when_its_long_poll_tells_it_to() -> None:
    async with housed() as house:
        house.director.period_s = 60
        await house.envoy("a").start()
        await asyncio.sleep(1)

        house.director.envoy_shards.clear()
        await asyncio.sleep(5)

        assert len(house.notes("envoy.reregistered", "a")) == 1
        assert house.calls("WaitExperiment", "a")[-1].kind is Kind.INFO


async def test_a_registration_under_way_is_not_made_twice() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await asyncio.sleep(1.5)

        # Heartbeat and long poll both learn that the envoy was forgotten, and its name is lost.
        house.director.envoy_shards.clear()
        refuse(house, "report_shard", *[LOST] * 3)
        await asyncio.sleep(20)

        assert len(house.notes("envoy.reregistered", "a")) == 1
        assert len(house.calls("UpdateShardInfo", "a")) == 5


async def test_an_unwanted_envoy_gives_up() -> None:
    async with housed() as house:
        house.director.accepts_shards = False
        await house.envoy("a").start()
        await asyncio.sleep(5)

        (dead,) = house.notes("envoy.dead", "a")
        assert dead.value == {"why": "its shard was not accepted"}
        assert house.calls("UpdateEnvoyStatus") == ()


async def test_a_refused_registration_is_final() -> None:
    async with housed() as house:
        refuse(house, "report_shard", ForbiddenError("b", "a"))
        await house.envoy("a").start()
        await asyncio.sleep(5)

        (dead,) = house.notes("envoy.dead", "a")
        assert dead.value == {"why": "registration: PERMISSION_DENIED"}


async def test_a_registration_that_gets_lost_is_made_again() -> None:
    async with housed() as house:
        refuse(house, "report_shard", LOST, LOST)
        await house.envoy("a").start()
        await asyncio.sleep(5)

        kinds = [call.kind for call in house.calls("UpdateShardInfo", "a")]
        assert kinds == [Kind.INFO, Kind.INFO, Kind.OK]


async def test_a_lost_heartbeat_is_repeated_in_time() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await asyncio.sleep(1)
        refuse(house, "report_heartbeat", LOST)
        await asyncio.sleep(4)

        times = [call.invoked_at for call in house.calls("UpdateEnvoyStatus", "a")]
        assert times == [0, 2, 3.5]


@pytest.mark.parametrize(("profile", "beats"), [("openfl-1.6", 5), ("openfl-1.6-brittle", 2)])
async def test_the_heart_of_a_brittle_envoy_stops_at_an_error(profile: str, beats: int) -> None:
    async with housed() as house:
        await house.envoy("a", profile=profile).start()
        await asyncio.sleep(1)
        refuse(house, "report_heartbeat", LOST)
        await asyncio.sleep(8)

        assert len(house.calls("UpdateEnvoyStatus", "a")) == beats
        assert len(house.notes("envoy.dead", "a")) == (profile == "openfl-1.6-brittle")
        # The rest of it lives on.
        assert house.calls("WaitExperiment", "a")[-1].invoked_at > 6


async def test_an_envoy_that_is_told_no_period_at_all_does_not_stop_the_clock() -> None:
    async with housed() as house:
        house.director.period_s = 0.5
        await house.envoy("a", profile="openfl-1.6").start()
        await asyncio.sleep(0.05)

        # OpenFL's envoys read whole seconds only, and then spin.
        assert 40 <= len(house.calls("UpdateEnvoyStatus", "a")) <= 60


async def test_answers_of_nothing_at_once_are_not_asked_for_without_a_pause() -> None:
    async with housed() as house:
        house.director.poll_s = 0
        await house.envoy("a").start()
        await asyncio.sleep(60)

        assert len(house.calls("WaitExperiment", "a")) < 20


# ---------------------------------------------------------------- working


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


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("spoilt", ["cut", "bit", "empty"])
async def test_a_robust_envoy_downloads_again_what_came_broken(spoilt: str) -> None:
    async with housed() as house:
        house.director.spoils = deque([spoilt])
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(8)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert len(house.calls("GetExperimentData", "a")) == 2
        assert len(house.notes("download.done", "a")) == 1


async def test_a_broken_download_tells_how_much_had_come() -> None:
    async with housed() as house:
        house.director.spoils = deque(["cut"])
        await given_experiment(house, house.envoy("a"))

        broken = house.calls("GetExperimentData", "a")[0]
        assert broken.kind is Kind.INFO
        assert broken.response == {
            "chunks": 1,
            "size": 16 * 2**10,
            "mismatched": 0,
            "code": "UNAVAILABLE",
            "details": "cut",
        }


async def test_a_robust_envoy_gives_up_on_an_archive_that_is_always_bad() -> None:
    async with housed() as house:
        house.director.spoils = deque(["bit"] * 4)
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(20)

        (failure,) = house.director.runs["e1"].failures
        assert "not an archive" in failure.description
        assert house.director.runs["e1"].status is Status.FAILED


async def test_openfl_reports_an_archive_that_it_cannot_unpack() -> None:
    async with housed() as house:
        house.director.spoils = deque(["bit"])
        await given_experiment(house, house.envoy("a", profile="openfl-1.6"))

        assert len(house.calls("GetExperimentData", "a")) == 1
        assert len(house.director.runs["e1"].failures) == 1


async def test_openfl_as_it_was_meant_asks_again_after_a_broken_download() -> None:
    async with housed() as house:
        house.director.spoils = deque(["cut"])
        await given_experiment(house, house.envoy("a", profile="openfl-1.6"))
        await asyncio.sleep(10)

        assert len(house.notes("experiment.distributed", "a")) == 2
        assert house.director.runs["e1"].status is Status.FINISHED


async def test_a_brittle_envoy_dies_of_a_broken_download_and_its_heart_beats_on() -> None:
    async with housed() as house:
        house.director.spoils = deque(["cut"])
        await given_experiment(house, house.envoy("a", profile="openfl-1.6-brittle"))
        await asyncio.sleep(10)

        (dead,) = house.notes("envoy.dead", "a")
        assert dead.value == {"why": "GetExperimentData: UNAVAILABLE: cut"}
        assert house.calls("WaitExperiment", "a")[-1].invoked_at < 2
        assert house.calls("UpdateEnvoyStatus", "a")[-1].invoked_at > 8


async def test_a_training_that_breaks_is_reported_and_the_envoy_waits_again() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        await given_experiment(house, house.envoy("a", training=spec))
        await asyncio.sleep(5)

        (report,) = house.calls("SetExperimentFailed", "a")
        assert report.request["code"] == 1
        assert "the training broke in round" in str(report.request["description"])
        assert house.calls("WaitExperiment", "a")[-1].invoked_at > 2


async def test_a_lost_failure_report_is_sent_again_by_the_robust() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        refuse(house, "report_failure", LOST)
        await given_experiment(house, house.envoy("a", training=spec))
        await asyncio.sleep(5)

        kinds = [call.kind for call in house.calls("SetExperimentFailed", "a")]
        assert kinds == [Kind.INFO, Kind.OK]


async def test_a_refused_failure_report_is_not_sent_again() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        refuse(house, "report_failure", ForbiddenError("b", "a"))
        await given_experiment(house, house.envoy("a", training=spec))
        await asyncio.sleep(10)

        assert len(house.calls("SetExperimentFailed", "a")) == 1


@pytest.mark.parametrize(("profile", "dead"), [("openfl-1.6", 0), ("openfl-1.6-brittle", 1)])
async def test_a_brittle_envoy_dies_of_a_lost_failure_report(profile: str, dead: int) -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        refuse(house, "report_failure", LOST)
        await given_experiment(house, house.envoy("a", profile=profile, training=spec))
        await asyncio.sleep(5)

        assert len(house.calls("SetExperimentFailed", "a")) == 1
        assert len(house.notes("envoy.dead", "a")) == dead


async def test_an_aggregator_that_is_away_is_asked_again_after_five_seconds() -> None:
    async with housed() as house:
        refuse(house, "tasks", LOST)
        await given_experiment(house, house.envoy("a", profile="openfl-1.6"))
        await asyncio.sleep(10)

        first, second = house.calls("GetTasks", "a")[:2]
        assert second.invoked_at - first.invoked_at == pytest.approx(5.0)
        assert house.director.runs["e1"].status is Status.FINISHED


async def test_an_aggregator_that_will_not_have_us_ends_the_run() -> None:
    async with housed() as house:
        refuse(house, "tasks", UnauthenticatedError("no part in it"))
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(3)

        (failure,) = house.director.runs["e1"].failures
        assert failure.description == "UNAUTHENTICATED: no part in it"


async def test_a_model_of_another_shape_is_not_trained() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        refuse(house, "aggregated_tensor", LOST)
        await given_experiment(house, house.envoy("b"))
        run = house.director.runs["e1"]
        run.model["weights"] = run.model["bias"]
        await asyncio.sleep(20)

        (failure,) = run.failures
        assert "the model of round 0" in failure.description


# ---------------------------------------------------------------- dying and freezing


async def test_a_killed_envoy_leaves_nothing_behind() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)

        await envoy.kill()

        assert not envoy.is_alive
        assert house.network.open_calls() == 0
        assert len(asyncio.all_tasks()) == 1
        wait = house.calls("WaitExperiment", "a")[-1]
        assert wait.kind is Kind.INFO
        assert wait.response == {"code": "KILLED", "details": "the caller was killed"}
        assert house.topics("a")[-1] == "actor.kill"


async def test_an_envoy_that_leaves_cancels_what_is_open() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)

        await envoy.stop()
        await envoy.stop()

        assert house.calls("WaitExperiment", "a")[-1].response["code"] == "CANCELLED"
        assert [note.topic for note in house.notes("actor.stop", "a")] == ["actor.stop"]


async def test_a_restarted_envoy_begins_anew_over_a_new_connection() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "4s"})
        envoy = house.envoy("a", training=spec)
        await given_experiment(house, envoy)
        await asyncio.sleep(1)
        house.director.runs["e1"].fetched.clear()

        await envoy.kill()
        await asyncio.sleep(1)
        await envoy.start()
        await asyncio.sleep(10)

        assert house.director.runs["e1"].status is Status.FINISHED
        one, two = house.calls("UpdateShardInfo", "a")
        assert (one.request["connection"], two.request["connection"]) == (1, 2)
        assert len(house.notes("envoy.registered", "a")) == 2


async def test_a_restarted_envoy_trains_again_what_it_needs_to_validate() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s"})
        envoy = house.envoy("a", training=spec)
        # Everything of the round is reported but the last task.
        refuse(house, "report_results", None, None, LOST)
        await given_experiment(house, envoy, rounds=1)
        await asyncio.sleep(0.4)

        house.director.runs["e1"].fetched.clear()
        await envoy.kill()
        await envoy.start()
        await asyncio.sleep(5)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert [note.value["task"] for note in house.notes("training.done", "a")] == [
            "train",
            "locally_tuned_model_validation",
        ]


async def test_a_frozen_envoy_neither_sends_nor_reads() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)
        before = len(house.history.all_calls)

        envoy.pause()
        await asyncio.sleep(20)

        assert envoy.is_alive
        assert len(house.history.all_calls) == before
        assert house.calls("WaitExperiment", "a")[-1].completed_at is None


async def test_a_thawed_envoy_goes_on_where_it_stood() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)
        envoy.pause()
        envoy.pause()
        await asyncio.sleep(20)

        envoy.resume()
        envoy.resume()
        await asyncio.sleep(3)

        assert house.topics("a")[-2:] == ["actor.pause", "actor.resume"]
        assert house.calls("WaitExperiment", "a")[0].completed_at == 21
        assert house.calls("UpdateEnvoyStatus", "a")[-1].invoked_at >= 21
        assert {call.request["connection"] for call in house.history.all_calls} == {1}


async def test_an_envoy_can_be_killed_while_it_is_frozen() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)
        envoy.pause()
        await asyncio.sleep(5)

        await envoy.kill()
        await envoy.start()
        await asyncio.sleep(1)

        assert len(house.notes("envoy.registered", "a")) == 2
        assert house.calls("WaitExperiment", "a")[0].response["code"] == "KILLED"


async def test_the_dead_can_neither_be_frozen_nor_killed() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await envoy.kill()

        envoy.pause()
        envoy.resume()
        await envoy.kill()

        assert house.topics("a") == ["actor.start", "actor.kill"]
