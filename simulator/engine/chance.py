"""Chance by name: every actor and fault draws from a stream of its own.

Taking one fault away must not change what another draws, so no stream is ever shared.
"""

from random import Random


class Chance:
    """All randomness of one run, fixed by its seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Random] = {}

    def stream(self, name: str) -> Random:
        """Return the stream of that name; asking again goes on where it stood."""
        if name not in self._streams:
            # Seeding with text goes through SHA-512, not hash(): the same in every process.
            self._streams[name] = Random(f"{self.seed}/{name}")
        return self._streams[name]
