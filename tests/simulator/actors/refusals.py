"""A Director that refuses: errors that it gives instead of answers."""

from collections import deque

from director.errors import DirectorError, UnavailableError
from tests.simulator.actors.house import House

LOST = UnavailableError("lost")


def refuse(house: House, method: str, *errors: DirectorError | None) -> None:
    house.director.refuses[method] = deque(errors)
