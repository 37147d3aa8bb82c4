"""Talking with a program that takes a request a line and prints an answer for each."""

import json
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.interop.programs import LONG_S, Program


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that is under way."""

    program: Program
    id: int
    since: int

    def answer(self, *, within_s: float = LONG_S) -> "Answer":
        """Wait for the answer."""
        found = self.program.saw(
            rf'ANSWER (\{{"id": {self.id}, .*\}})$', since=self.since, within_s=within_s
        )
        told = json.loads(found[1])
        return Answer(told)


class Answer:
    """What a call came to."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def __repr__(self) -> str:
        return f"<Answer {self._told}>"

    @property
    def value(self) -> Any:
        """What was returned."""
        assert "value" in self._told, self._told
        return self._told["value"]

    @property
    def code(self) -> str:
        """The status code that was raised."""
        assert "code" in self._told, self._told
        return str(self._told["code"])

    @property
    def details(self) -> str:
        """What came with the status code."""
        assert "code" in self._told, self._told
        return str(self._told["details"])

    @property
    def raised(self) -> str:
        """The class of an exception of OpenFL's own."""
        assert "raised" in self._told, self._told
        return str(self._told["raised"])


class Conversation:
    """Any number of requests to one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._ids = count(1)

    def ask(self, **request: Any) -> Pending:
        """Send a request."""
        pending = Pending(self.program, next(self._ids), self.program.printed)
        self.program.tell(json.dumps({"id": pending.id, **request}))
        return pending
