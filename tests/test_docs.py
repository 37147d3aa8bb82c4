"""That the documentation tells of everything there is, and of nothing that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from director.cli import main as director
from simulator.checkers.expect import GUARANTEES
from simulator.cli import main as simulate
from simulator.faults import CATALOGUE
from simulator.scenario.load import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "director/**/*.md", "simulator/**/*.md")
    for path in ROOT.glob(pattern)
)
SCENARIOS = (*ROOT.glob("scenarios/*.yaml"), *ROOT.glob("scenarios/regressions/*.yaml"))
FAULTS = [fault.name() for fault in CATALOGUE]


def is_named(name: str, text: str) -> bool:
    """Whether a name stands there as one: in code, in bold, or as the first cell of a row."""
    word = re.escape(name)
    return bool(
        re.search(rf"`{word}`|\*\*{word}\*\*|^\|\s*{word}\s*\|", text, re.MULTILINE)
        or re.search(rf"type: {word}\b", text)
    )


def missing(names: list[str], text: str) -> list[str]:
    return [name for name in names if not is_named(name, text)]


def test_the_readme_names_every_fault() -> None:
    assert missing(FAULTS, README) == [], "these faults are not in README.md"


def test_the_readme_names_every_guarantee() -> None:
    assert missing(list(GUARANTEES), README) == [], "these guarantees are not in README.md"


def test_every_fault_is_used_by_a_scenario() -> None:
    used = {
        fault.name() for path in SCENARIOS for case in load(path) for fault in case.scenario.faults
    }

    assert set(FAULTS) - used == set(), "these faults are in no scenario"


@pytest.mark.parametrize(("program", "group"), [("simulate", simulate), ("director", director)])
def test_no_help_is_cut_in_a_narrow_terminal(program: str, group: click.Group) -> None:
    printed = CliRunner().invoke(group, ["--help"], prog_name=program, terminal_width=80).output

    commands = printed.partition("Commands:")[2].splitlines()

    assert len(commands) > len(group.commands)
    assert [line for line in commands if line.endswith("...")] == []


@pytest.mark.parametrize(("program", "group"), [("simulate", simulate), ("director", director)])
def test_every_command_is_documented(program: str, group: click.Group) -> None:
    everything = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    # What runs where no command is named needs no name of its own.
    default = {"simulate run": "simulate scenarios/"}
    commands = [f"{program} {name}" for name in group.commands]
    commands = [default.get(command, command) for command in commands]

    assert commands
    assert [command for command in commands if command not in everything] == [], (
        "these commands are in neither README.md nor docs/"
    )


# ---------------------------------------------------------------- links


def links(page: Path) -> Iterator[str]:
    """Yield what a page links to, but for what lies elsewhere on the net."""
    prose = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """Return the anchors that forges give a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


# ---------------------------------------------------------------- the two commands


def first_commands() -> list[str]:
    """Return what the README's first two blocks of code say to run."""
    blocks = re.findall(r"^```bash\n(.+?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return [block.strip() for block in blocks[:2]]


def test_the_readme_begins_with_one_command_to_run_and_one_to_test() -> None:
    run, test = first_commands()

    assert "\n" not in run
    assert run.endswith("simulate scenarios/flaky_envoys.yaml")
    assert "\n" not in test
    assert "pytest" in test


def test_the_definition_of_green_runs_the_readmes_very_commands() -> None:
    green = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert [command for command in first_commands() if command not in green] == []
