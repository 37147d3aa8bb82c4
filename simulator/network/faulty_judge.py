"""Puts the messages of a call before the rules."""

from dataclasses import dataclass
from typing import Any

from simulator.network.api import Direction, Message, RuleBook, Verdict


@dataclass(slots=True)
class Judge:
    """Knows which call it is, and counts its messages."""

    rules: RuleBook
    actor: str
    method: str
    call: int
    _requests: int = 0
    _responses: int = 0

    def request(self, body: Any) -> tuple[float, Verdict]:
        """Return the seconds to wait first, and then what to do."""
        self._requests += 1
        return self._judge(body, Direction.REQUEST, self._requests - 1)

    def response(self, body: Any) -> tuple[float, Verdict]:
        """Return the seconds to wait first, and then what to do."""
        self._responses += 1
        return self._judge(body, Direction.RESPONSE, self._responses - 1)

    def _judge(self, body: Any, direction: Direction, index: int) -> tuple[float, Verdict]:
        return self.rules.judge(
            Message(
                actor=self.actor,
                method=self.method,
                direction=direction,
                index=index,
                call=self.call,
                body=body,
            )
        )

    def skip_request(self) -> None:
        """Count one that passed while there were no rules."""
        self._requests += 1

    def skip_response(self) -> None:
        """The same for a response."""
        self._responses += 1
