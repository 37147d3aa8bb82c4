"""`director create-workspace`, and what a configuration may say."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from director import cli
from director.config import Config, ConfigError, load_config
from director.transport.server import DirectorGRPCServer
from tests.director.command_line import run, written


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The state directory is made in the working directory.
    monkeypatch.chdir(tmp_path)


# ---------------------------------------------------------------- create-workspace


def test_a_new_workspace_has_a_configuration_and_tells_about_certificates(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"

    code, output = run("create-workspace", "-p", str(folder))

    assert code == 0
    assert f"next: director start -c {folder}/director.yaml" in output
    assert load_config(folder / "director.yaml") == Config()
    assert "openssl" in (folder / "cert" / "README.md").read_text(encoding="utf-8")


def test_every_setting_that_a_new_configuration_shows_can_be_used(tmp_path: Path) -> None:
    run("create-workspace", "-p", str(tmp_path))
    path = tmp_path / "director.yaml"
    text = path.read_text(encoding="utf-8")

    # A setting that is commented out, unlike a sentence, has a key and a colon.
    path.write_text(re.sub(r"(?m)^( *)# ( *)(\w+:)", r"\1\2\3", text), encoding="utf-8")

    config = load_config(path)
    assert config.settings.limits == Config().settings.limits
    assert config.settings.aggregator_address == "director.example.org"
    assert config.certificate == Path("cert/host.crt")


@pytest.mark.parametrize("name", ["director.yaml", "cert/README.md"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine", encoding="utf-8")

    code, output = run("create-workspace", "-p", str(tmp_path))

    assert code == 1
    assert f"{mine} exists, and is left as it is" in output
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_the_commands_that_make_certificates_make_certificates(tmp_path: Path) -> None:
    run("create-workspace", "-p", str(tmp_path))
    folder = tmp_path / "cert"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", readme, flags=re.DOTALL))

    subprocess.run(  # noqa: S603 - our own text
        ["bash", "-ec", commands],  # noqa: S607 - as an operator's shell would find it
        cwd=folder,
        check=True,
        capture_output=True,
    )

    server = DirectorGRPCServer(
        **cli._certificates(Config(), tmp_path, dict.fromkeys(cli._CERTIFICATES))
    )
    assert server.certificate == folder / "host.crt"


# ---------------------------------------------------------------- the configuration


def test_the_configuration_of_an_openfl_director_is_taken_as_it_is(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
settings:
  listen_host: director.example.org
  listen_port: 50050
  sample_shape: ['300', 400, "3"]
  target_shape: [300]
  envoy_health_check_period: 5  # in seconds
  install_requirements: yes
  review_experiment: no
root_certificate: cert/ca.crt
""",
    )

    config = load_config(path)

    settings = config.settings
    assert (settings.listen_host, settings.listen_port) == ("director.example.org", 50050)
    assert (settings.sample_shape, settings.target_shape) == (("300", "400", "3"), ("300",))
    assert settings.envoy_health_check_period == 5
    assert (settings.install_requirements, settings.review_experiment) == (True, False)
    assert config.root_certificate == Path("cert/ca.crt")


@pytest.mark.parametrize("text", ["", "settings:\n", "# nothing\n"])
def test_a_configuration_may_leave_everything_out(tmp_path: Path, text: str) -> None:
    assert load_config(written(tmp_path, text)) == Config()


def test_our_own_settings_reach_the_director(tmp_path: Path) -> None:
    path = written(
        tmp_path, "settings: {long_poll_s: 7, limits: {max_waits_per_envoy: 3}, listen_port: 0}"
    )

    settings = load_config(path).settings.of_the_director()

    assert (settings.long_poll_s, settings.limits.max_waits_per_envoy) == (7, 3)


@pytest.mark.parametrize(
    ("said", "of_5"), [("majority", 3), ("all", 5), ("2", 2), ("60%", 3), ("'2'", 2)]
)
def test_a_quorum_is_said_in_words_numbers_or_shares(tmp_path: Path, said: str, of_5: int) -> None:
    settings = load_config(written(tmp_path, f"settings: {{quorum: {said}}}")).settings

    assert settings.of_the_director().quorum.of(5) == of_5


def test_what_is_no_quorum_is_told_with_what_would_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(written(tmp_path, "settings: {quorum: 0.5}"))

    assert str(refused.value).endswith(
        ":1:12: settings.quorum: should be majority, all, a count such as 3, or a share such as"
        " 60%, not 0.5"
    )


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
settings:
  listen_prt: 5
  listen_port: 99999
  sample_shape: 3
  target_shape: [1, 2.5]
  limits: {max_waits: 3}
  review_experiment: perhaps
certificates: cert
""",
    )

    code, output = run("start", "-c", str(path), "--disable-tls")

    assert code == 1
    assert output == (
        "Error: "
        f"{path}:2:3: settings.listen_prt: there is no such key (did you mean listen_port?)\n"
        f"{path}:3:3: settings.listen_port: should be less than or equal to 65535, not 99999\n"
        f"{path}:4:3: settings.sample_shape: should be a list, such as ['64', '64'], not 3\n"
        f"{path}:5:21: settings.target_shape.1: should be a valid string, not 2.5\n"
        f"{path}:6:12: settings.limits.max_waits: there is no such key"
        " (did you mean max_waits_per_envoy?)\n"
        f"{path}:7:3: settings.review_experiment: should be a valid boolean, unable to interpret"
        " input, not 'perhaps'\n"
        f"{path}:8:1: certificates: there is no such key (did you mean certificate?)\n"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"settings:\n  a: [1\n b: 2", "director.yaml:3:3: is not YAML: expected ',' or ']'"),
        (b"settings: {}\nsettings: {}", "director.yaml:2:1: is not YAML: found duplicate key"),
        (b"- 1", "director.yaml:1:1: the file: should be a section with keys, not [1]"),
        (b"\xff", "director.yaml: is not UTF-8 text"),
        (b"\x00", "director.yaml: is not YAML: "),
    ],
)
def test_a_file_that_is_no_configuration_is_told_to_be_none(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "director.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as refused:
        load_config(path)

    assert told in str(refused.value)


def test_a_file_that_cannot_be_read_is_told_to_be_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("setting", "module", "extra"),
    [
        ("metrics_port: 0", "prometheus_client", "metrics"),
        ("reflection: true", "grpc_reflection", "reflection"),
    ],
)
def test_what_is_asked_for_and_not_installed_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    key, _, _ = setting.partition(":")

    code, output = run(
        "start", "-c", str(written(tmp_path, f"settings: {{{setting}}}")), "--disable-tls"
    )

    assert code == 1
    assert output == (
        f"Error: {tmp_path}/director.yaml:1:12: settings.{key}:"
        f" {extra} is not installed here: pip install 'squall[{extra}]'\n"
    )
    off = "settings: {metrics_port: null, reflection: false}"
    assert load_config(written(tmp_path, off)) == Config()
