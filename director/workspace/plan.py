"""From a plan's sections to what the aggregation has to do; what would not be honoured is refused.

Sections that only collaborators read (collaborator, data_loader, task_runner, ...) are theirs.
"""

from collections.abc import Collection

from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.plan_text import PLAN_MEMBER, Config

_MAX_ROUNDS = 2**31 - 1
"""Round numbers travel as int32."""
_MAX_DIGITS = len(str(_MAX_ROUNDS))
_MAX_PORT = 65_535
_PIPELINES = {
    "NoCompressionPipeline": "none",
    "KCPipeline": "kc",
    "SKCPipeline": "skc",
    "STCPipeline": "stc",
}
"""Those of OpenFL that can be undone here, by our names; its EDEN needs PyTorch."""

_NOT_FOR_US = {
    "log_metric_callback": "code of an experiment is not run here; follow the metric stream",
    "single_col_cert_common_name": "every collaborator has to have a certificate of its own here",
}
"""What OpenFL's aggregator does and we do not; its other settings tell where it keeps files."""


def rounds_of(config: Config) -> int:
    """Return how many rounds to train.

    Raises:
        InvalidArchiveError: the plan does not say so plainly.
    """
    rounds = settings_of(config, "aggregator").get("rounds_to_train")
    # OpenFL takes a number in quotes as well.
    if isinstance(rounds, str) and rounds.isdecimal() and len(rounds) <= _MAX_DIGITS:
        rounds = int(rounds)
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 1 <= rounds <= _MAX_ROUNDS:
        raise InvalidArchiveError(
            f"{PLAN_MEMBER}: aggregator.settings.rounds_to_train is not a whole number from 1 on"
        )
    return rounds


def compression_of(config: Config) -> str:
    """Return the name of the pipeline that collaborators compress with.

    Raises:
        UnsupportedPlanError: we cannot undo what it does.
    """
    check_template(config, "compression_pipeline", _PIPELINES)
    template = config.get("compression_pipeline", {}).get("template")
    return "none" if template is None else _PIPELINES[openfl_class(template)]


def address_of(config: Config) -> tuple[str | None, int | None]:
    """Return the aggregator's host and port where the plan fixes them.

    Raises:
        InvalidArchiveError: they are no address.
    """
    settings = settings_of(config, "network")
    host, port = settings.get("agg_addr", "auto"), settings.get("agg_port", "auto")
    if not isinstance(host, str) or not host.isprintable():
        raise InvalidArchiveError(f"{PLAN_MEMBER}: network.settings.agg_addr is not a host's name")
    if isinstance(port, str) and port.isdecimal() and len(port) <= _MAX_DIGITS:
        port = int(port)
    if port == "auto":
        port = None
    elif isinstance(port, bool) or not isinstance(port, int) or not 0 < port <= _MAX_PORT:
        raise InvalidArchiveError(f"{PLAN_MEMBER}: network.settings.agg_port is not a port")
    return (None if host in {"auto", ""} else host), port


def tls_of(config: Config) -> bool | None:
    """Return whether collaborators are to use TLS; None where the plan leaves it open.

    Raises:
        InvalidArchiveError: that is not said plainly.
        UnsupportedPlanError: they are to show no certificates.
    """
    settings = settings_of(config, "network")
    tls = settings.get("tls")
    if not isinstance(tls, bool | None):
        raise InvalidArchiveError(f"{PLAN_MEMBER}: network.settings.tls is neither true nor false")
    if tls and settings.get("disable_client_auth"):
        raise UnsupportedPlanError(
            f"{PLAN_MEMBER}: network.settings.disable_client_auth: with TLS, collaborators have to"
            " show their certificates here"
        )
    return tls


def check_sections(config: Config) -> None:
    """Refuse what would change results if it were ignored.

    Raises:
        UnsupportedPlanError: the message names it.
        InvalidArchiveError: a section is not what it has to be.
    """
    for name, section in config.items():
        if "defaults" in section:
            raise UnsupportedPlanError(
                f"{PLAN_MEMBER}: section {name!r} takes defaults from a file that we do not have"
            )
    check_template(config, "aggregator", {"Aggregator"})
    settings = settings_of(config, "aggregator")
    for name, why in _NOT_FOR_US.items():
        if settings.get(name):
            raise UnsupportedPlanError(f"{PLAN_MEMBER}: aggregator.settings.{name}: {why}")


def settings_of(config: Config, section: str) -> dict[object, object]:
    """Return a section's settings, empty where there are none.

    Raises:
        InvalidArchiveError: they are not a mapping.
    """
    settings = config.get(section, {}).get("settings")
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise InvalidArchiveError(f"{PLAN_MEMBER}: {section}.settings is not a mapping")
    return settings


def check_template(config: Config, section: str, known: Collection[str]) -> None:
    """Refuse a section whose class is not one of OpenFL's that we can stand in for.

    Raises:
        UnsupportedPlanError: the message names it.
    """
    template = config.get(section, {}).get("template")
    if template is not None and openfl_class(template) not in known:
        raise UnsupportedPlanError(
            f"{PLAN_MEMBER}: {section} is {str(template)!r}; we have {', '.join(sorted(known))}"
        )


def openfl_class(template: object) -> str:
    """Return the class's own name if it is OpenFL's, else the whole of what the plan has."""
    name = str(template)
    return name.rpartition(".")[2] if name.startswith("openfl.") else name
