"""What a record tells of each accepted experiment."""

from simulator.checkers.liveness_facts import Span, downtimes, lives, open_faults
from simulator.checkers.liveness_stories import Story, stories
from simulator.history.entry import JsonObject
from tests.simulator.report.tale import Tale


def a_tale() -> Tale:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("a")
    return tale


def statuses(story: Story) -> list[str]:
    return [reading.status for reading in story.readings]


def test_statuses_are_read_from_lists_and_descriptions_too() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    row: JsonObject = {"name": "e1", "status": "in_progress"}
    tale.call("GetExperimentsList", "alice", 30, response={"experiments": [row]})
    tale.call("GetExperimentDescription", "alice", 40, response={**row, "status": "finished"})
    tale.note(41, "experiment.ended", {"experiment": "e1", "status": "finished"}, actor="alice")

    (story,) = stories(tale.history())

    assert statuses(story) == ["in_progress", "finished", "finished"]
    assert story.ended == (40.04, story.readings[1].index)


def test_what_others_read_under_the_same_name_is_not_of_this_experiment() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.status("e1", 30, "finished", by="bob")

    (story,) = stories(tale.history())

    assert statuses(story) == []


def test_a_name_that_was_freed_and_taken_again_has_two_stories() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.result("a", "e1", 25)
    tale.remove("e1", 30)
    tale.submit("e1", ["a"], 40)
    tale.result("a", "e1", 45, nth=1)
    tale.status("e1", 50, "finished")

    first, second = stories(tale.history())

    assert first.is_gone
    assert (first.moved_at, statuses(first)) == (25.04, [])
    assert (second.moved_at, statuses(second)) == (45.04, ["finished"])


def test_a_training_that_its_envoy_did_not_survive_is_not_under_way() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.note(30, "training.started", {"experiment": "e1", "round": 0, "task": "t"}, actor="a")
    running = stories(tale.history())[0].is_training
    tale.note(35, "actor.kill", {}, actor="a")

    assert running
    assert not stories(tale.history())[0].is_training


def test_an_experiment_that_its_owner_was_told_is_not_there_is_gone() -> None:
    tale = a_tale()
    tale.submit("e1", ["a"], 20)
    tale.note(30, "experiment.ended", {"experiment": "e1", "status": "removed"}, actor="alice")

    assert stories(tale.history())[0].is_gone


def test_lives_and_downtimes_are_stretches_of_time() -> None:
    tale = a_tale()
    tale.note(50, "actor.kill", {}, actor="a")
    tale.restart("a", 60)
    tale.note(70, "director.kill", {})
    tale.note(75, "director.start", {})
    tale.note(90, "director.stop", {})
    history = tale.history()

    assert lives(history)["a"] == [Span(1, 50), Span(60, float("inf"))]
    assert downtimes(history) == (Span(70, 75), Span(90, float("inf")))


def test_faults_that_are_still_open_are_named() -> None:
    tale = a_tale()
    tale.fault("over", 10, 20, targets=["a"])
    tale.fault("hole", 30, None, targets=["a"])
    tale.fault("elsewhere", 30, None, targets=["b"])

    assert open_faults(tale.history(), "a", 100) == "; still open on it: hole"
