"""alive, leak and no-foreign-code: the server as a whole."""

import pytest

from simulator.checkers.base import Validity
from simulator.checkers.server import (
    SILENCE,
    EverythingIsGivenBack,
    NobodysCodeRuns,
    OthersAreAnswered,
)
from simulator.history.entry import Json
from tests.simulator.checkers.given import Given, broken, holds, is_silent

ALIVE = OthersAreAnswered()
LEAK = EverythingIsGivenBack()
CODE = NobodysCodeRuns()


def attacked() -> Given:
    return Given().envoys("a").frontends("alice").attackers("eve")


def test_others_are_answered_whatever_they_are_told() -> None:
    record = attacked()
    record.beats("a").ok()
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert holds(record.judged_by(ALIVE))


def test_others_must_not_wait_in_vain() -> None:
    record = attacked()
    beat = record.at(5).beats("a")
    record.at(15)
    beat.lost("DEADLINE_EXCEEDED")

    assert "UpdateEnvoyStatus of a, made at 5.0 s while there were attacks, was not answered" in (
        broken(record.judged_by(ALIVE))
    )


def test_others_must_not_wait_for_ever() -> None:
    record = attacked()
    record.at(5).beats("a")
    record.at(60).note("phase", {"name": "done", "state": "begin"})

    assert "was not answered in 55.0 s" in broken(record.judged_by(ALIVE))


def test_who_gives_up_too_soon_proves_nothing() -> None:
    record = attacked()
    beat = record.at(5).beats("a")
    record.at(6)
    beat.lost("DEADLINE_EXCEEDED")

    assert holds(record.judged_by(ALIVE))


def test_without_an_attacker_it_is_no_occasion() -> None:
    record = Given().envoys("a")
    beat = record.beats("a")
    record.at(15)
    beat.lost("DEADLINE_EXCEEDED")

    assert record.judged_by(ALIVE).occasions == 0


@pytest.mark.parametrize("excuse", ["fault", "touch", "death", "restart", "long poll", "attacker"])
def test_what_something_else_explains_is_not_blamed_on_the_server(excuse: str) -> None:
    record = attacked().at(5)
    if excuse == "fault":
        record.fault("link.blackhole", "a")
    call = {"long poll": record.waits, "attacker": lambda _: record.beats("a", by="eve")}.get(
        excuse, record.beats
    )("a")
    if excuse == "touch":
        call.touched("rpc.drop", "drop")
    if excuse == "death":
        record.note("actor.kill", actor="a")
    if excuse == "restart":
        record.restarts()
    record.at(30)
    call.lost("DEADLINE_EXCEEDED")

    assert is_silent(record.judged_by(ALIVE))


def test_a_harness_that_was_late_itself_cannot_tell() -> None:
    record = attacked()
    beat = record.at(5).beats("a")
    record.at(15)
    beat.lost("DEADLINE_EXCEEDED")
    record.note("harness.lag", {"max_s": 6.0})

    assert record.judged_by(ALIVE).validity is Validity.UNKNOWN


def test_a_server_that_answers_nobody_any_more_is_not_alive() -> None:
    record = attacked()
    for _ in range(SILENCE):
        record.after(1).beats("a").lost("UNAVAILABLE", "Connection refused")

    assert f"answered nobody: {SILENCE} calls in a row" in broken(record.judged_by(ALIVE))


def test_losses_that_are_like_the_weather_prove_nothing() -> None:
    record = attacked()
    for number in range(2 * SILENCE):
        beat = record.after(1).beats("a")
        if number % 5:
            beat.lost("UNAVAILABLE")
        else:
            beat.ok()

    assert holds(record.judged_by(ALIVE))


# ---------------------------------------------------------------- leak


def probed(calm: dict[str, Json] | None, end: dict[str, Json] | None) -> Given:
    record = Given()
    for at, held in (("calm", calm), ("end", end)):
        if held is not None:
            record.note("probe", {"at": at, **held})
    return record


BEFORE: dict[str, Json] = {"open_calls": 9, "waits": 4, "tasks": 3, "archives": 0, "temporary": 0}
AFTER: dict[str, Json] = {"open_calls": 0, "waits": 0, "tasks": 3, "archives": 2, "temporary": 0}


def test_what_is_back_at_its_baseline_holds() -> None:
    assert holds(probed(BEFORE, AFTER).judged_by(LEAK))


@pytest.mark.parametrize(
    ("what", "left", "message"),
    [
        ("open_calls", 1, "1 open calls are left at the end, after everybody has gone"),
        ("waits", 2, "2 waits are left"),
        ("streams", 1, "1 streams are left"),
        ("uploads", 1, "1 uploads are left"),
        ("tasks", 4, "4 tasks are left at the end; in the calm there were 3"),
        ("temporary", 1, "1 temporary files are left"),
    ],
)
def test_what_is_left_is_a_leak(what: str, left: int, message: str) -> None:
    assert message in broken(probed(BEFORE, {**AFTER, what: left}).judged_by(LEAK))


@pytest.mark.parametrize(("after", "is_leak"), [(20, False), (100, True)])
def test_a_few_descriptors_may_stay(after: int, is_leak: bool) -> None:  # noqa: FBT001
    record = probed({**BEFORE, "descriptors": 15}, {**AFTER, "descriptors": after})

    assert (record.judged_by(LEAK).validity is Validity.INVALID) == is_leak


def test_a_record_that_ends_before_the_last_look_cannot_tell() -> None:
    assert probed(BEFORE, None).judged_by(LEAK).validity is Validity.UNKNOWN


def test_where_nobody_could_look_it_is_no_occasion() -> None:
    assert probed(None, None).judged_by(LEAK).occasions == 0


# ---------------------------------------------------------------- no-foreign-code


def test_a_canary_that_is_silent_holds() -> None:
    assert holds(Given().note("canary", {"sung": 0}).judged_by(CODE))


def test_a_canary_that_sings_is_a_breach() -> None:
    assert "ran 2 times in the Director" in broken(
        Given().note("canary", {"sung": 2}).judged_by(CODE)
    )


def test_without_a_canary_it_is_no_occasion() -> None:
    assert Given().judged_by(CODE).occasions == 0
