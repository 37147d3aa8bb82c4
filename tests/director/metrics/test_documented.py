"""That the page about it tells of every metric and field that there is, and of no other."""

import json
import logging
import re
from pathlib import Path

from director.config import load_config
from director.core.lifecycle import Status
from director.figures import DirectorFigures, Histogram, RequestFigures
from director.log_lines import JsonLines
from director.metrics.families import director_families, request_families
from tests.director.house import housed

PAGE = Path(__file__).parents[3] / "docs" / "observability.md"


def listed(section: str) -> list[str]:
    """Return what the first column of a section's table names."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", text, flags=re.MULTILINE)


def test_every_metric_is_listed_and_no_other() -> None:
    figures = DirectorFigures(
        envoys=0,
        envoys_online=0,
        experiments=dict.fromkeys(Status, 0),
        held={},
        rounds_closed=0,
        refused_failure_reports=0,
        journal_seconds=Histogram(),
        journal_failures=0,
    )
    request = RequestFigures(kind="unary", service="s", method="m")

    families = [*director_families(figures), *request_families([request])]

    names = [family.name + "_total" * (family.type == "counter") for family in families]
    assert sorted(listed("Metrics")) == sorted(names)


async def test_every_kind_of_what_is_held_is_listed() -> None:
    async with housed() as house:
        held = house.director.held()

    (row,) = re.findall(
        r"^\| `squall_held` \| `kind`: ([a-z, ]+) \|", PAGE.read_text(), re.MULTILINE
    )
    assert row.split(", ") == list(held)


def test_every_field_of_a_line_is_listed_and_no_other() -> None:
    record = logging.LogRecord("director", logging.INFO, "x.py", 1, "x", None, (None, None, None))

    line = json.loads(JsonLines().format(record))

    assert listed("Log lines") == [*line]


def test_the_settings_can_be_used_as_they_stand(tmp_path: Path) -> None:
    block = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "director.yaml"
    path.write_text(block, encoding="utf-8")

    settings = load_config(path).settings

    assert (settings.log_format, settings.metrics_port) == ("json", 9464)
    assert settings.reflection
