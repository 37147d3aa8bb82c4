"""The command line: `director start`, `director backup`, `director create-workspace`.

Exit codes: 0 it did what it was told, 1 it could not, 2 it was called in a wrong way.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from director.config import Config, ConfigError, load_config
from director.descriptors import raise_limit
from director.foreign import ForeignCodeError
from director.log_lines import standard_error_logged
from director.offload import in_thread
from director.shell.foreigners import fenced
from director.starter import create_workspace
from director.storage import StateError
from director.storage.backup import back_up
from director.storage.state import open_state
from director.transport.credentials import CertificateError, find_certificates
from director.transport.listening import CannotListenError
from director.transport.server import DirectorGRPCServer

_log = logging.getLogger(__name__)

_LEVELS = ("debug", "info", "warning", "error")
_CERTIFICATES = {
    "root_certificate": "cert/root_ca.crt",
    "private_key": "cert/host.key",
    "certificate": "cert/host.crt",
}
_CONFIG = "director.yaml"
_NOWHERE = ":memory:"
_NEEDED_FOR_PICKLES = ("numpy", "cloudpickle", "openfl")
"""Whatever OpenFL's frontends pickle asks for these."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="squall", prog_name="director")
def main() -> None:
    """Run the Director of a federation: envoys, experiments and their aggregation."""


@main.command(short_help="Serve until SIGTERM or Ctrl-C.")
@click.option(
    "-c",
    "--director-config-path",
    "config_path",
    type=_FILE,
    default=_CONFIG,
    show_default=True,
    help="The configuration, in OpenFL's format.",
)
@click.option(
    "--tls/--disable-tls",
    default=True,
    show_default=True,
    help="Mutual TLS; without it callers are whom they say they are.",
)
@click.option(
    "-rc",
    "--root-cert-path",
    "root_certificate",
    type=_FILE,
    help="The certificate of the authority that signs all others.  [default: cert/root_ca.crt]",
)
@click.option(
    "-pk",
    "--private-key-path",
    "private_key",
    type=_FILE,
    help="The Director's private key, without a password.  [default: cert/host.key]",
)
@click.option(
    "-oc",
    "--public-cert-path",
    "certificate",
    type=_FILE,
    help="The Director's certificate.  [default: cert/host.crt]",
)
@click.option(
    "--state-dir",
    metavar="FOLDER",
    help=(
        "Where what must not be forgotten is kept; `:memory:` forgets it with the process."
        "  [default: state, in the working directory]"
    ),
)
@click.option(
    "--load-pickled-code",
    is_flag=True,
    help=(
        "DANGEROUS: load the aggregation functions that experiments bring.  Whoever may submit an"
        " experiment can then run any code as the user that this Director runs as."
    ),
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="How much to tell on standard error.",
)
def start(
    config_path: Path,
    *,
    tls: bool,
    state_dir: str | None,
    load_pickled_code: bool,
    log_level: str,
    **given: Path | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then let what is under way end.

    Certificates are taken from the options, else from the configuration, else from the folder
    `cert` beside the configuration.  What was acknowledged is kept in the state directory, and is
    taken up again by the next start.
    """
    try:
        config = load_config(config_path).dared(load_pickled_code=load_pickled_code)
        with standard_error_logged(config.settings.log_format, level=log_level):
            _heed(config)
            raise_limit()
            certificates = _certificates(config, config_path.parent, given)
            if tls:
                # First of all: a start that is refused leaves no state directory behind.
                find_certificates(**certificates)
            with _storage(state_dir or config.settings.state_dir) as storage:
                server = DirectorGRPCServer(
                    tls=tls,
                    **certificates,
                    **_keywords(config),
                    **storage,
                )
                server.metrics_host = config.settings.metrics_host
                server.metrics_port = config.settings.metrics_port
                server.reflection = config.settings.reflection
                server.start()
    except CertificateError as error:
        raise click.ClickException(
            f"{error}\nGive them with -rc, -pk and -oc, or start with --disable-tls."
        ) from None
    except (ConfigError, CannotListenError, StateError) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _storage(state_dir: str) -> Iterator[dict[str, Any]]:
    """Open the state directory for as long as the block runs."""
    if state_dir == _NOWHERE:
        _log.warning("nothing is kept: this Director forgets everything with its process")
        yield {}
        return
    state = open_state(Path(state_dir))
    try:
        yield {"journal": state.journal, "archives": state.archives}
    finally:
        state.release()


def _heed(config: Config) -> None:
    """Say what of OpenFL's configuration is not done, or not done here."""
    if config.settings.install_requirements:
        _log.warning("install_requirements is ignored: nothing of an experiment runs here")
    if config.settings.load_pickled_code:
        _check_interpreter(config)
    if config.settings.review_experiment and not sys.stdin.isatty():
        raise ConfigError("review_experiment asks at the terminal, and there is none: set it false")


def _check_interpreter(config: Config) -> None:
    """Refuse an interpreter that could run nothing of what experiments bring."""
    foreign = fenced(config.settings, in_thread)
    try:
        missing = asyncio.run(foreign.missing(_NEEDED_FOR_PICKLES))
    except ForeignCodeError as error:
        raise ConfigError(f"settings.pickled_code.python: {error}") from None
    if missing:
        raise ConfigError(
            "settings.pickled_code.python: aggregation functions of experiments cannot be loaded"
            f" without {', '.join(missing)}: name an interpreter that has OpenFL"
        )


def _certificates(config: Config, folder: Path, given: Mapping[str, Path | None]) -> dict[str, Any]:
    return {
        role: given[role] or folder / (getattr(config, role) or default)
        for role, default in _CERTIFICATES.items()
    }


def _keywords(config: Config) -> dict[str, Any]:
    settings = config.settings
    return {
        "listen_host": settings.listen_host,
        "listen_port": settings.listen_port,
        "sample_shape": settings.sample_shape,
        "target_shape": settings.target_shape,
        "envoy_health_check_period": settings.envoy_health_check_period,
        "review_plan_callback": _review if settings.review_experiment else None,
        "settings": settings.of_the_director(),
    }


def _review(name: str, plan: Path) -> bool:
    """Ask whoever sits at the terminal."""
    click.echo(f"The plan of experiment {name!a}:\n")
    click.echo(_harmless(plan.read_text(encoding="utf-8")))
    return click.confirm(f"Run experiment {name!a}?", default=False)


def _harmless(text: str) -> str:
    # A plan must not be able to move the cursor, and so show another plan than it is.
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


@main.command(short_help="Copy a state directory while its Director works.")
@click.option(
    "-c",
    "--director-config-path",
    "config_path",
    type=_FILE,
    help="The configuration that names the state directory.  [default: director.yaml, if there]",
)
@click.option(
    "--state-dir",
    metavar="FOLDER",
    help="The state directory, whether its Director runs or not.  [default: as for `start`]",
)
@click.argument("target", type=click.Path(path_type=Path))
def backup(config_path: Path | None, state_dir: str | None, target: Path) -> None:
    """Copy a state directory to the folder TARGET, which is made.

    The copy is consistent although the Director goes on, and every file of it was compared.  To
    restore, put it in the place of the state directory of a Director that does not run.
    """
    try:
        copied = back_up(_kept_in(state_dir, config_path), target)
    except (ConfigError, StateError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"backed up {copied.contents}: {copied.files} files of {copied.size_bytes} bytes in all,"
        f" and the journal, to {target}"
    )


def _kept_in(state_dir: str | None, config_path: Path | None) -> Path:
    """Return the state directory of the Director that a start in this folder would make."""
    if state_dir is None:
        path = config_path or Path(_CONFIG)
        config = load_config(path) if config_path or path.exists() else Config()
        state_dir = config.settings.state_dir
    if state_dir == _NOWHERE:
        raise StateError("nothing is kept by this Director, so there is nothing to back up")
    return Path(state_dir)


@main.command("create-workspace", short_help="Write director.yaml, and a folder for certificates.")
@click.option(
    "-p",
    "--director-path",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder; it is made where it does not exist.",
)
def create_workspace_command(folder: Path) -> None:
    """Write a commented director.yaml, and a folder for certificates that tells what to put in it.

    Nothing that is there is overwritten.
    """
    try:
        written = create_workspace(folder)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"next: director start -c {written[0]}")
