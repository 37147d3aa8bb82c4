"""How an operator says that experiments may bring code, and what is said of that."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from director import cli
from director.config import Config, load_config


def started(folder: Path, settings: str, *options: str) -> str:
    """Try to start a Director that cannot start; return what it says."""
    path = folder / "director.yaml"
    path.write_text(f"settings: {{{settings}}}", encoding="utf-8")
    arguments = ["start", "-c", str(path), "--disable-tls", "--state-dir", str(folder), *options]
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 1
    return result.output


def test_nobody_may_who_is_not_told_so() -> None:
    assert Config().settings.of_the_director().load_pickled_code is False


def test_the_command_line_dares_what_the_configuration_does_not() -> None:
    config = Config().dared(load_pickled_code=True)

    assert config.settings.of_the_director().load_pickled_code is True
    assert Config().dared(load_pickled_code=False) == Config()


def test_how_it_is_run_is_said_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "director.yaml"
    path.write_text(
        "settings: {load_pickled_code: true, pickled_code: {python: /opt/python, timeout_s: 9}}",
        encoding="utf-8",
    )

    settings = load_config(path).settings.of_the_director()

    assert settings.load_pickled_code is True
    assert (settings.pickled_code.python, settings.pickled_code.timeout_s) == ("/opt/python", 9)


def test_the_help_says_what_it_risks() -> None:
    told = " ".join(CliRunner().invoke(cli.main, ["start", "--help"]).output.split())

    assert "--load-pickled-code DANGEROUS: load the aggregation functions" in told
    assert "can then run any code as the user that this Director runs as" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    "way", [("load_pickled_code: true", ()), ("", ("--load-pickled-code",))], ids=["file", "option"]
)
def test_an_interpreter_without_openfl_is_refused_at_the_start(
    tmp_path: Path, way: tuple[str, tuple[str, ...]]
) -> None:
    wanted, options = way
    # Without the packages of its environment: it has nothing but what Python comes with.
    bare = f"pickled_code: {{python: {sys.base_prefix}/bin/python3}}"

    told = started(tmp_path, f"{wanted}, {bare}".removeprefix(", "), *options)

    assert "settings.pickled_code.python: aggregation functions of experiments cannot" in told
    assert "openfl" in told


def test_an_interpreter_that_cannot_be_started_is_refused_at_the_start(tmp_path: Path) -> None:
    told = started(tmp_path, "load_pickled_code: true, pickled_code: {python: /no/python}")

    assert "settings.pickled_code.python: the interpreter for it cannot be started" in told
