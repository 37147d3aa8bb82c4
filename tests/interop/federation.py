"""A federation of programs: a Director of ours, and everybody else from OpenFL."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.interop.conversation import Answer, Conversation, Pending
from tests.interop.learning import Shard
from tests.interop.make_environment import PYTHON
from tests.interop.programs import Program

PEERS = Path(__file__).parent / "peers"

SHARDS: Mapping[str, Shard] = {
    "env-1": Shard(seed=1, samples=30),
    "env-2": Shard(seed=2, samples=50),
    "env-3": Shard(seed=3, samples=20),
}
"""The envoys that are there, and what they learn from."""

RUN_S = 120.0
"""Longer than an experiment takes on a busy machine, with OpenFL's pauses of five seconds."""

TASKS = "Received the following tasks"
"""What a collaborator says when it has something to do."""

_SETTINGS: Mapping[str, Any] = {
    "listen_host": "127.0.0.1",
    "listen_port": 0,
    "sample_shape": ["1"],
    "target_shape": ["1"],
    "envoy_health_check_period": 2,
    # OpenFL's envoys pause for five seconds after each long poll that brought nothing.
    "long_poll_s": 60,
}


class Frontend:
    """A user with OpenFL's interactive API."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @property
    def program(self) -> Program:
        """The process that it lives in."""
        return self._conversation.program

    def submit(self, experiment: str, **wishes: Any) -> Pending:
        """Begin an experiment, and return once the Director has it; the answer is its end."""
        pending = self.begin(experiment, **wishes)
        self.program.saw(f"SUBMITTED {experiment}$", since=pending.since)
        return pending

    def run(self, experiment: str, **wishes: Any) -> Answer:
        """Run an experiment to its end."""
        return self.begin(experiment, **wishes).answer(within_s=RUN_S)

    def begin(self, experiment: str, **wishes: Any) -> Pending:
        """Begin an experiment, and do not wait."""
        request = {
            "rounds": 3,
            "task": "fit",
            "aggregation": None,
            "has_momentum": False,
            "has_own_assigner": False,
            "settings": {},
            "delta_updates": False,
            "opt_treatment": "RESET",
            **wishes,
        }
        return self._conversation.ask(experiment=experiment, **request)


class Client:
    """One of OpenFL's clients, speaking under one name."""

    def __init__(self, conversation: Conversation, kind: str, name: str, shows: str) -> None:
        self._conversation = conversation
        self._who = {"kind": kind, "as": name, "shows": shows}

    def begin(self, call: str, **arguments: Any) -> Pending:
        """Make a call, and do not wait."""
        return self._conversation.ask(**self._who, call=call, arguments=arguments)

    def call(self, call: str, **arguments: Any) -> Answer:
        """Make a call."""
        return self.begin(call, **arguments).answer()


class Federation:
    """Programs that know each other; they end with the block that `federation` is."""

    def __init__(
        self, folder: Path, certificates: Path | None, settings: Mapping[str, Any]
    ) -> None:
        self._folder = folder
        self._certificates = certificates
        self._settings: dict[str, Any] = {**_SETTINGS, **settings}
        self._programs: list[Program] = []
        self._envoys: dict[str, Program] = {}
        self._frontends: dict[str, Frontend] = {}
        self._clients: Conversation | None = None
        self.director = self.start_director()

    # ------------------------------------------------------------ who is there

    @property
    def is_secure(self) -> bool:
        """Whether all speak mutual TLS."""
        return self._certificates is not None

    @property
    def port(self) -> int:
        """Where the Director listens."""
        return int(self._settings["listen_port"])

    def start_director(self, **settings: Any) -> Program:
        """Start the Director, on the same port and state as before if there was one.

        `settings`: what is to be different from now on.
        """
        self._settings |= settings
        config = self._folder / "director.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(yaml.safe_dump({"settings": self._settings}), encoding="utf-8")
        command: list[str | Path] = [Path(sys.executable).with_name("director"), "start"]
        command += ["-c", config, *self._director_certificates()]
        self.director = self._started("director", command)
        self._settings["listen_port"] = int(self.director.saw(r"serving on \S+:(\d+),")[1])
        return self.director

    def _director_certificates(self) -> Iterable[str | Path]:
        folder = self._certificates
        if folder is None:
            return ["--disable-tls"]
        return [
            *("-rc", folder / "root_ca.crt"),
            *("-pk", folder / "localhost.key"),
            *("-oc", folder / "localhost.crt"),
        ]

    def start_envoys(self, *names: str) -> None:
        """Start envoys side by side, and wait until each waits for an experiment."""
        for name in names:
            shard = SHARDS[name]
            arguments = ["--name", name, "--seed", str(shard.seed)]
            arguments += ["--samples", str(shard.samples), "--folder", str(self._folder / name)]
            self._envoys[name] = self._peer("envoy.py", name, *arguments)
        for name in names:
            self._envoys[name].saw("Waiting for an experiment to run")

    def envoy(self, name: str) -> Program:
        """Return the process of an envoy."""
        return self._envoys[name]

    def plan_at(self, envoy: str, experiment: str) -> Mapping[str, Any]:
        """Return the plan that an envoy follows, while it does."""
        path = self._folder / envoy / f"{envoy}_{experiment}" / "plan" / "plan.yaml"
        plan: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return plan

    def frontend(self, name: str) -> Frontend:
        """Return a user, who stays for further experiments."""
        if name not in self._frontends:
            folder = self._folder / "frontends" / name
            program = self._peer("frontend.py", name, "--client", name, "--folder", str(folder))
            program.saw("^READY$")
            self._frontends[name] = Frontend(Conversation(program))
        return self._frontends[name]

    def user(self, name: str) -> Client:
        """Return OpenFL's client of users, under a name."""
        return Client(self._conversation(), "user", name, name)

    def shard(self, name: str, *, shows: str | None = None) -> Client:
        """Return OpenFL's client of envoys, under a name; it may show another's certificate."""
        return Client(self._conversation(), "shard", name, shows or name)

    def own_clients(self) -> Conversation:
        """Return clients in a process of their own, for whoever wants to kill them."""
        program = self._peer("clients.py", "clients")
        program.saw("^READY$")
        return Conversation(program)

    def _conversation(self) -> Conversation:
        if self._clients is None:
            self._clients = self.own_clients()
        return self._clients

    # ------------------------------------------------------------ inside

    def _peer(self, script: str, name: str, *arguments: str) -> Program:
        command: list[str | Path] = [PYTHON, PEERS / script, "--port", str(self.port), *arguments]
        if self._certificates is not None:
            command += ["--certificates", self._certificates]
        return self._started(name, command)

    def _started(self, name: str, command: list[str | Path]) -> Program:
        program = Program(name, command, folder=self._folder / name)
        self._programs.append(program)
        return program

    def close(self) -> None:
        """End every program."""
        for program in reversed(self._programs):
            if program.is_alive:
                program.kill() if program is not self.director else program.stop()


@contextmanager
def federation(
    folder: Path, *, certificates: Path | None = None, **settings: Any
) -> Iterator[Federation]:
    """Start a Director with these settings, and end everything with the block."""
    there = Federation(folder, certificates, settings)
    try:
        yield there
    finally:
        there.close()
