"""The file that a Director is started from: OpenFL's keys, and our own beside them.

Every mistake in it is told at once, with its place and what was probably meant.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from director.extras import MissingExtraError, require
from director.log_lines import LogFormat
from director.settings import LONGEST_PERIOD_S, Offer, Settings, mistake

T = TypeVar("T")

_MISSING = "missing_extra"


class ConfigError(ValueError):
    """The file cannot be used; the message has a line for each mistake."""


def _or_empty(section: object) -> object:
    return {} if section is None else section


def _installed(extra: str) -> AfterValidator:
    """Let something be asked for only where it can be had."""

    def check(value: T) -> T:
        if value is None or value is False:
            return value
        try:
            require(extra)
        except MissingExtraError as missing:
            raise PydanticCustomError(_MISSING, "{told}", {"told": str(missing)}) from None
        return value

    return AfterValidator(check)


class ServerSettings(Settings, Offer):
    """What stands under `settings`: OpenFL's keys, and those of `director.settings.Settings`."""

    listen_host: str = Field(default="localhost", min_length=1)
    envoy_health_check_period: int = Field(default=60, ge=1, le=LONGEST_PERIOD_S)
    install_requirements: bool = False
    """OpenFL's; we run nothing of an experiment, so there is nothing to install."""
    review_experiment: bool = False
    state_dir: str = Field(default="state", min_length=1)
    """Where what must not be forgotten is kept; `:memory:` forgets it with the process."""
    log_format: LogFormat = "text"
    metrics_host: str = Field(default="localhost", min_length=1)
    metrics_port: Annotated[int | None, _installed("metrics")] = Field(default=None, ge=0, le=65535)
    """0 finds a free one; None: there are none."""
    reflection: Annotated[bool, _installed("reflection")] = False

    def of_the_director(self) -> Settings:
        """Return the part that is not about the server."""
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})


class Config(BaseModel):
    """The whole file; certificates may stand in it instead of on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Annotated[ServerSettings, BeforeValidator(_or_empty)] = ServerSettings()
    root_certificate: Path | None = None
    private_key: Path | None = None
    certificate: Path | None = None

    def dared(self, *, load_pickled_code: bool) -> Self:
        """Return the same, or one that loads what experiments have pickled."""
        if not load_pickled_code:
            return self
        settings = self.settings.model_copy(update={"load_pickled_code": True})
        return self.model_copy(update={"settings": settings})


def load_config(path: Path) -> Config:
    """Return what the file says, with defaults for what it leaves out.

    Raises:
        ConfigError: with every mistake of the file.
    """
    try:
        content = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else f"{path}"
        raise ConfigError(f"{where}: is not YAML: {error.problem}") from None
    except YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from None
    try:
        return Config.model_validate({} if content is None else content)
    except ValidationError as error:
        mistakes = sorted(_mistake(content, detail) for detail in error.errors())
        lines = [f"{path}:{line}:{column}: {told}" for line, column, told in mistakes]
        raise ConfigError("\n".join(lines)) from None


def _mistake(content: Any, detail: ErrorDetails) -> tuple[int, int, str]:
    keys = detail["loc"]
    name = ".".join(str(key) for key in keys) or "the file"
    return (*_place(content, keys), f"{name}: {_reason(keys, detail)}")


def _reason(keys: Sequence[int | str], detail: ErrorDetails) -> str:
    if detail["type"] == _MISSING:
        return detail["msg"]
    if detail["type"] != "extra_forbidden":
        return mistake(detail)
    near = get_close_matches(str(keys[-1]), list(_known_keys(keys[:-1])), n=1)
    return f"there is no such key (did you mean {near[0]}?)" if near else "there is no such key"


def _known_keys(section: Sequence[int | str]) -> Iterator[str]:
    model: Any = Config
    for key in section:
        model = model.model_fields[str(key)].annotation
    yield from model.model_fields


def _place(content: Any, keys: Sequence[int | str]) -> tuple[int, int]:
    """Return line and column of what the keys lead to, or of the nearest thing above it."""
    line, column = 0, 0
    for key in keys:
        position = _position(content, key)
        if position is None:
            break
        line, column = position
        content = content[key]
    return line + 1, column + 1


def _position(content: Any, key: int | str) -> tuple[int, int] | None:
    if isinstance(content, Mapping) and key in content:
        return content.lc.key(key)  # type: ignore[attr-defined,no-any-return] # ruamel's mapping
    if isinstance(content, list) and isinstance(key, int) and key < len(content):
        return content.lc.item(key)  # type: ignore[attr-defined,no-any-return] # ruamel's list
    return None
