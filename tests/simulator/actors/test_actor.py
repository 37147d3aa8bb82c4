"""What all peers have in common."""

import asyncio
from typing import Any

import pytest

from simulator.actors.actor import ActorBase, Person
from simulator.network.api import ClientCredentials
from tests.simulator.actors.house import ADDRESS, House, housed

TLS = ClientCredentials(root_certificate=b"root")


class Clumsy(ActorBase):
    """Has a bug."""

    async def _live(self) -> None:
        raise ZeroDivisionError


def person(kind: Any = "frontend", credentials: ClientCredentials | None = None) -> Person:
    return Person(id="alice", kind=kind, credentials=credentials, director=ADDRESS)


async def test_a_bug_of_a_peer_reaches_whoever_runs_the_loop() -> None:
    async with housed() as house:
        heard: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))

        clumsy = Clumsy(house, person())
        await clumsy.start()
        await asyncio.sleep(0.1)

        (context,) = heard
        assert isinstance(context["exception"], ZeroDivisionError)
        assert context["message"] == "<frontend 'alice', alive> broke"
        await clumsy.stop()
        assert repr(clumsy) == "<frontend 'alice', gone>"


async def test_nobody_lives_twice_at_once() -> None:
    async with housed() as house:
        frontend = house.frontend("alice", ())
        await frontend.start()

        with pytest.raises(AssertionError, match="was started twice"):
            await frontend.start()


@pytest.mark.parametrize("kind", ["envoy", "frontend", "attacker"])
def test_under_tls_the_certificate_says_who_one_is(kind: str) -> None:
    known = person(kind, TLS)

    assert (known.metadata, known.identity) == ((), "alice")


@pytest.mark.parametrize("kind", ["envoy", "frontend", "attacker"])
def test_in_plaintext_one_says_it_oneself(kind: str) -> None:
    known = person(kind)

    assert (known.metadata, known.identity) == ((("client_id", "alice"),), "alice")


async def test_a_peer_that_never_came_cannot_leave() -> None:
    async with housed() as house:
        frontend = house.frontend("alice", ())

        await frontend.stop()

        assert not frontend.is_alive
        assert _entries(house) == 0


def _entries(house: House) -> int:
    return len(house.history.entries)
