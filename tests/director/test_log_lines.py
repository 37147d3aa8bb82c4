"""What an operator's log says, and what a machine reads of it."""

import asyncio
import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from director.core.model import EnvoyName
from director.director import Director
from director.errors import UnauthenticatedError
from director.log_lines import FORMATTERS, LogFormat
from director.shell.logbook import log, mark, note
from protos import base_pb2, director_pb2
from tests.director.command_line import run, running, written
from tests.director.house import MRI, caller, housed
from tests.director.transport.served import served


@contextmanager
def logging_as(log_format: LogFormat) -> Iterator[io.StringIO]:
    """Let the Director's lines be written as they are on standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[log_format]())
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def objects(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# ---------------------------------------------------------------- how lines look


def test_a_line_of_text_tells_who_asked_and_about_which_experiment() -> None:
    with logging_as("text") as lines:
        note("handed out to %s", "env-1", caller=caller("env-1"), experiment="brain-mri")
        note("stopped")

    first, second = lines.getvalue().splitlines()
    assert first.endswith(" INFO    handed out to env-1 [caller='env-1' experiment='brain-mri']")
    assert second.endswith(" INFO    stopped")


def test_a_line_of_json_has_them_as_fields() -> None:
    with logging_as("json") as lines:
        note("removed", caller=caller("alice"), experiment="brain-mri", level=logging.WARNING)
        note("stopped")

    first, second = objects(lines)
    time = first.pop("time")
    assert first == {
        "level": "warning",
        "logger": "director",
        "message": "removed",
        "caller": "alice",
        "experiment": "brain-mri",
    }
    assert time[10] == "T"
    assert time[-5] == "."
    assert time.endswith("Z")
    assert (second["caller"], second["experiment"]) == ("", "")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_whatever_a_caller_calls_itself_a_record_stays_one_line(log_format: LogFormat) -> None:
    evil = "eve\n2026-01-01 00:00:00 INFO    all is well\x1b[2K"

    with logging_as(log_format) as lines:
        note("%s came", evil, caller=caller(evil), experiment=evil)

    assert lines.getvalue().count("\n") == 1
    assert "\x1b" not in lines.getvalue()
    assert "all is well" in lines.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_however_long_a_name_is_its_line_can_be_read(log_format: LogFormat) -> None:
    endless = "\x01" * 2**20

    with logging_as(log_format) as lines:
        mark(caller=endless, experiment=endless)
        note("%s came", endless)
        note("%s came again", endless, caller=caller(endless), experiment=endless)
        mark(caller="", experiment="")

    assert lines.getvalue().count("\n") == 2
    assert max(map(len, lines.getvalue().splitlines())) < 20_000


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    with logging_as("text") as lines:
        note("%s", "first " + "x" * 2**20 + " last")

    assert "first xxx" in lines.getvalue()
    assert "[…]" in lines.getvalue()
    assert "xxx last" in lines.getvalue()


def test_a_traceback_is_a_field_of_its_line_or_follows_it() -> None:
    with logging_as("json") as machine, logging_as("text") as person:
        try:
            [].pop()
        except IndexError:
            log.exception("it broke")

    (line,) = objects(machine)
    assert line["message"] == "it broke"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("IndexError: pop from empty list")
    assert person.getvalue().count("IndexError: pop from empty list") == 1


# ---------------------------------------------------------------- whose line it is


async def test_what_a_request_begins_bears_its_marks_and_nobody_elses() -> None:
    async def request(name: str) -> None:
        mark(caller=name, experiment=f"of-{name}")
        await asyncio.sleep(0)
        await asyncio.create_task(background())

    async def background() -> None:
        await asyncio.sleep(0)
        logging.getLogger("director.somewhere").info("began")

    with logging_as("json") as lines:
        async with asyncio.TaskGroup() as requests:
            for name in ("alice", "bob"):
                requests.create_task(request(name))
        note("alone")

    assert [(line["caller"], line["experiment"]) for line in objects(lines)] == [
        ("alice", "of-alice"),
        ("bob", "of-bob"),
        ("", ""),
    ]


async def test_what_a_line_says_itself_goes_before_the_marks_of_the_request() -> None:
    mark(caller="env-1", experiment="ended")
    with logging_as("json") as lines:
        note("started", experiment="next")
        mark(experiment="")
        note("done", caller=caller("alice"))

    assert [(line["caller"], line["experiment"]) for line in objects(lines)] == [
        ("env-1", "next"),
        ("alice", ""),
    ]


@pytest.mark.wire
async def test_a_refusal_tells_who_was_refused_and_what_it_was_about() -> None:
    alice = (("client_id", "alice"),)
    async with served(director_cls=Director) as it, it.director_stub() as stub:
        requests: list[Callable[[], Awaitable[object]]] = [
            lambda: stub.GetExperimentStatus(
                director_pb2.GetExperimentStatusRequest(experiment_name="never-was"),
                metadata=alice,
            ),
            lambda: stub.GetExperimentDescription(
                director_pb2.GetExperimentDescriptionRequest(name="nor-was"), metadata=alice
            ),
            lambda: stub.SetNewExperiment(
                iter(
                    [
                        director_pb2.ExperimentInfo(
                            name="cut", model_proto=base_pb2.ModelProto(), collaborator_names=["a"]
                        )
                    ]
                ),
                metadata=alice,
            ),
            lambda: stub.UpdateEnvoyStatus(director_pb2.UpdateEnvoyStatusRequest(name="env-1")),
        ]
        with logging_as("json") as lines:
            for request in requests:
                with pytest.raises(grpc.aio.AioRpcError):
                    await request()

    told = [(line["caller"], line["experiment"], line["message"]) for line in objects(lines)]
    refused = [(who, about) for who, about, message in told if message.startswith("refused")]
    assert refused == [
        ("alice", "never-was"),
        ("alice", "nor-was"),
        ("alice", "cut"),
        ("__default__", ""),
    ]


@pytest.mark.wire
async def test_requests_about_endless_names_leave_short_lines() -> None:
    endless = "\x01" * 900_000
    async with served(director_cls=Director) as it, it.director_stub() as stub:
        with logging_as("text") as lines:
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.GetExperimentStatus(
                    director_pb2.GetExperimentStatusRequest(experiment_name=endless)
                )
            await stub.SetExperimentFailed(
                director_pb2.SetExperimentFailedRequest(
                    experiment_name=endless, collaborator_name=endless
                )
            )

    assert lines.getvalue().count("\n") == 2
    assert len(lines.getvalue()) < 20_000


async def test_a_stranger_to_a_run_is_logged_with_its_experiment() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit(MRI, "a")
        await house.wait("a")
        address = await house.join(MRI, "a")

        mark(caller="eve")
        with pytest.raises(UnauthenticatedError):
            house.director.tasks(caller("eve"), replace(address, sender=EnvoyName("eve")))
        with logging_as("json") as lines:
            log.warning("refused")

    (line,) = objects(lines)
    assert (line["caller"], line["experiment"]) == ("eve", MRI)


# ---------------------------------------------------------------- the setting


def test_an_unknown_format_is_told_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "settings: {log_format: yaml}")

    code, output = run("start", "-c", str(path), "--disable-tls")

    assert code == 1
    assert "director.yaml:1:12: settings.log_format: should be 'text' or 'json'" in output


@pytest.mark.wire
@pytest.mark.slow
async def test_a_director_that_is_told_to_logs_json_and_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path, log_format="json") as director:
        lines = [json.loads(line) for line in director.greeting.splitlines()]

    assert [line["level"] for line in lines] == ["warning", "info", "info"]
    assert lines[2]["message"].startswith("serving on localhost:")
