"""Made-up histories, told in any order and put in order of time."""

from collections.abc import Sequence

from simulator.history.entry import Entry, Header, JsonObject, Kind
from simulator.history.history import History

_Row = tuple[float, int, Kind, str, str, int, JsonObject]


class Tale:
    """Collects what happened; `history` puts it in order.

    It begins with the Director's start; a calm of a minute, a storm of two, a recovery of two.
    """

    def __init__(
        self,
        *,
        period_s: float = 10,
        transit_s: float = 0.1,
        may_queue: bool = True,
        quorum: str = "all",
        dead_after_s: float = 0.0,
        phases: Sequence[tuple[str, float, float]] = (
            ("calm", 0, 60),
            ("storm", 60, 180),
            ("recover", 180, 300),
        ),
    ) -> None:
        self._rows: list[_Row] = []
        self._calls = 0
        self._header = Header(
            scenario="tale",
            seed=7,
            case={"identity": "plaintext"},
            world="virtual",
            identity="plaintext",
            epoch=1_700_000_000.0,
            heartbeat_period_s=period_s,
            transit_s=transit_s,
            sample_shape=("8",),
            target_shape=("1",),
            may_queue=may_queue,
            quorum=quorum,
            dead_after_s=dead_after_s,
        )
        self.note(0, "director.start", {})
        for name, begin, end in phases:
            self.note(begin, "phase", {"name": name, "state": "begin"})
            self.note(end, "phase", {"name": name, "state": "end"})

    def history(self) -> History:
        """Return everything that was told, in order of time and then of telling."""
        rows = sorted(self._rows, key=lambda row: (row[0], row[1]))
        return History(
            self._header,
            [
                Entry(
                    index=index,
                    time=time,
                    kind=kind,
                    actor=actor,
                    topic=topic,
                    call=call,
                    value=value,
                )
                for index, (time, _, kind, actor, topic, call, value) in enumerate(rows)
            ],
        )

    # ------------------------------------------------------------ anything

    def note(
        self, time: float, topic: str, value: JsonObject, *, actor: str = "", call: int = -1
    ) -> None:
        self._rows.append((time, len(self._rows), Kind.NOTE, actor, topic, call, value))

    def call(
        self,
        topic: str,
        actor: str,
        at: float,
        *,
        took_s: float | None = 0.04,
        kind: Kind = Kind.OK,
        request: JsonObject | None = None,
        response: JsonObject | None = None,
    ) -> int:
        """Make a call; it is never answered where it took None."""
        number, self._calls = self._calls, self._calls + 1
        asked = {"as": actor, "connection": 1, **(request or {})}
        self._rows.append((at, len(self._rows), Kind.INVOKE, actor, topic, number, asked))
        if took_s is not None:
            done = (at + took_s, len(self._rows), kind, actor, topic, number, response or {})
            self._rows.append(done)
        return number

    def fault(
        self,
        fault: str,
        begin: float,
        end: float | None,
        *,
        kind: str = "heartbeat.drop",
        targets: Sequence[str] = (),
        touched: Sequence[int] = (),
    ) -> None:
        value: JsonObject = {"fault": fault, "type": kind, "targets": list(targets)}
        self.note(begin, "fault.open", value)
        if end is not None:
            self.note(end, "fault.close", value)
        for call in touched:
            touch: JsonObject = {"fault": fault, "type": kind, "method": "", "direction": "request"}
            self.note(begin, "fault.touch", {**touch, "mode": "drop"}, call=call)

    # ------------------------------------------------------------ actors

    def actor(self, name: str, kind: str, at: float, group: str = "") -> None:
        self.note(
            at,
            "actor.start",
            {"kind": kind, "identity": name, "group": group, "labels": {}, "profile": "robust"},
            actor=name,
        )

    def envoy(self, name: str, at: float = 1, *, until: float | None = 300) -> None:
        """Let an envoy start, register, and beat once a period until a moment."""
        self.actor(name, "envoy", at, "hospital")
        self.register(name, at)
        if until is not None:
            self.beats(name, at + 1, until)

    def register(self, name: str, at: float, *, accepted: bool = True) -> None:
        request: JsonObject = {
            "name": name,
            "description": "",
            "n_samples": 100,
            "sample_shape": ["8"],
            "target_shape": ["1"],
            "devices": [],
        }
        self.call("UpdateShardInfo", name, at, request=request, response={"accepted": accepted})
        self.note(at + 0.05, "envoy.registered", {}, actor=name)

    def beats(self, name: str, since: float, until: float, *, every: float | None = None) -> None:
        every = every or self._header.heartbeat_period_s
        for beat in range(int((until - since) / every) + 1):
            self.beat(name, since + beat * every)

    def beat(self, name: str, at: float, *, took_s: float = 0.04, code: str = "") -> int:
        kind = {"": Kind.OK, "NOT_FOUND": Kind.FAIL}.get(code, Kind.INFO)
        return self.call(
            "UpdateEnvoyStatus",
            name,
            at,
            took_s=took_s,
            kind=kind,
            request={"name": name, "running": False},
            response={"code": code, "details": ""} if code else {"period_s": 10},
        )

    def wait(
        self, name: str, at: float, took_s: float | None, *, brought: str = "", code: str = ""
    ) -> int:
        return self.call(
            "WaitExperiment",
            name,
            at,
            took_s=took_s,
            kind=Kind.INFO if code else Kind.OK,
            request={"name": name},
            response={"code": code, "details": ""} if code else {"experiment": brought},
        )

    # ------------------------------------------------------------ what frontends see

    def listing(
        self,
        at: float,
        online: Sequence[str],
        offline: Sequence[str] = (),
        *,
        updated_at: float = 0.0,
    ) -> int:
        updated = self._header.epoch + updated_at
        rows: list[JsonObject] = [
            {"name": name, "online": name in online, "updated": updated, "valid_s": 20.0}
            for name in (*online, *offline)
        ]
        return self.call("GetEnvoys", "alice", at, response={"envoys": rows})

    def submit(
        self,
        experiment: str,
        to: Sequence[str],
        at: float,
        *,
        by: str = "alice",
        code: str = "",
        took_s: float = 0.04,
    ) -> int:
        kind = {"": Kind.OK, "UNAVAILABLE": Kind.INFO}.get(code, Kind.FAIL)
        return self.call(
            "SetNewExperiment",
            by,
            at,
            took_s=took_s,
            kind=kind,
            request={
                "experiment": experiment,
                "collaborators": list(to),
                "rounds": 3,
                "size": 4096,
                "intent": "whole",
            },
            response={"code": code, "details": "no"} if code else {"accepted": True},
        )

    def status(self, experiment: str, at: float, status: str, *, by: str = "alice") -> int:
        return self.call(
            "GetExperimentStatus",
            by,
            at,
            request={"experiment": experiment},
            response={"status": status},
        )

    def remove(self, experiment: str, at: float, *, by: str = "alice") -> int:
        return self.call(
            "RemoveExperimentData",
            by,
            at,
            request={"experiment": experiment},
            response={"acknowledged": True},
        )

    def follow(
        self,
        experiment: str,
        at: float,
        took_s: float | None,
        *,
        metrics: Sequence[tuple[str, str, str, float, int]] = (),
        kind: Kind = Kind.OK,
    ) -> int:
        return self.call(
            "GetMetricStream",
            "alice",
            at,
            took_s=took_s,
            kind=kind,
            request={"experiment": experiment},
            response={"metrics": [list(metric) for metric in metrics]},
        )

    # ------------------------------------------------------------ work

    def tasks(self, envoy: str, experiment: str, at: float, *, quits: bool = False) -> int:
        return self.call(
            "GetTasks",
            envoy,
            at,
            request={"experiment": experiment, "name": envoy, "federation": "f"},
            response={
                "round": 0,
                "tasks": [] if quits else ["train"],
                "sleep_s": 0,
                "quit": quits,
            },
        )

    def result(self, envoy: str, experiment: str, at: float, *, nth: int = 0) -> int:
        return self.call(
            "SendLocalTaskResults",
            envoy,
            at,
            request={
                "experiment": experiment,
                "name": envoy,
                "federation": "f",
                "round": nth,
                "task": "train",
                "data_size": 100,
                "tensors": {},
                "metrics": {"loss": [1.0 / (nth + 1), "metric"]},
            },
        )

    def download(self, envoy: str, experiment: str, at: float, took_s: float) -> int:
        self.note(at + took_s, "download.done", {"experiment": experiment}, actor=envoy)
        return self.call(
            "GetExperimentData",
            envoy,
            at,
            took_s=took_s,
            request={"experiment": experiment, "name": envoy},
            response={"chunks": 4, "size": 4096, "mismatched": 0, "sha256": ""},
        )

    def train(self, envoy: str, experiment: str, at: float, took_s: float, *, nth: int) -> None:
        about: JsonObject = {"experiment": experiment, "round": nth, "task": "train"}
        self.tasks(envoy, experiment, at)
        self.note(at, "round.started", {"experiment": experiment, "round": nth}, actor=envoy)
        self.note(at, "training.started", about, actor=envoy)
        self.note(at + took_s, "training.done", about, actor=envoy)
        self.result(envoy, experiment, at + took_s, nth=nth)

    def restart(self, envoy: str, at: float) -> None:
        """Let an envoy that was killed start again."""
        self.actor(envoy, "envoy", at, "hospital")
        self.register(envoy, at)
