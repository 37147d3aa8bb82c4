"""What the shapes in the picture of a run mean: every one that the picture uses."""

from collections.abc import Mapping, Sequence

SWATCHES: Mapping[str, str] = {
    "online": "listed online, or Director up",
    "offline": "listed offline",
    "fault": "fault open, or Director down",
    "hit": "envoy under a fault",
    "experiment": "experiment, and where its rounds begin",
    "download": "downloads",
    "training": "trains",
    "away": "not running",
}
"""What an area means, by its class."""

MARKS: Sequence[tuple[str, str, str]] = (
    ("tick", "mark", "registered"),
    ("cross", "mark bad", "killed"),
    ("pause", "mark bad", "paused"),
    ("play", "mark good", "resumed"),
    ("dagger", "mark bad", "its main loop ended"),
    ("cross", "mark", "upload refused"),
    ("arrow", "mark bad", "not ended"),
)
"""What a sign means: the sign, its class, and the meaning."""
