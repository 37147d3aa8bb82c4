"""A small language for records: who asked what, when, and how it was answered.

Time stands still until `at` or `after` moves it; what overlaps is what is answered late.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from simulator.checkers.base import Checker, Judgement, Validity
from simulator.history.entry import Header, Json, JsonObject
from simulator.history.history import History
from simulator.history.recorder import HistoryRecorder

EPOCH = 1_700_000_000.0
SHAPE = ("8",)
MEMBERS: JsonObject = {"model.py": "1f", "plan/data.txt": "2e"}


class Operation:
    """A call that has begun; `ok`, `refused` or `lost` ends it."""

    def __init__(self, record: HistoryRecorder, actor: str, number: int, usual: JsonObject) -> None:
        self._record = record
        self._actor = actor
        self._usual = usual
        self.number = number

    def ok(self, **answer: Json) -> None:
        self._record.complete(self.number, "ok", {**self._usual, **answer})

    def refused(self, code: str, details: str = "no, because", **partial: Json) -> None:
        self._record.complete(self.number, "fail", {**partial, "code": code, "details": details})

    def lost(self, code: str = "UNAVAILABLE", details: str = "gone", **partial: Json) -> None:
        self._record.complete(self.number, "info", {**partial, "code": code, "details": details})

    def touched(self, type_: str, mode: str, direction: str = "request") -> "Operation":
        value: JsonObject = {
            "fault": "f1",
            "type": type_,
            "method": "",
            "direction": direction,
            "mode": mode,
        }
        self._record.note("fault.touch", value, actor=self._actor, call=self.number)
        return self


class Given:
    """A record in the making; identities are names, unless `speaks` says otherwise."""

    def __init__(
        self, identity: str = "plaintext", *, period_s: float = 10.0, transit_s: float = 0.5
    ) -> None:
        self._now = 0.0
        self._record = HistoryRecorder(lambda: self._now)
        self._connections: dict[str, int] = {}
        self._identities: dict[str, str] = {}
        self._header = Header(
            scenario="given",
            seed=1,
            case={},
            world="virtual",
            identity=identity,
            epoch=EPOCH,
            heartbeat_period_s=period_s,
            transit_s=transit_s,
            sample_shape=SHAPE,
            target_shape=SHAPE,
        )
        self.note("director.start")

    def told(self, **about: Any) -> "Given":
        """Let more be known of the Director."""
        self._header = replace(self._header, **about)
        return self

    def finds(self, *envoys: JsonObject) -> "Given":
        """Let the Director run elsewhere, and know envoys of earlier days."""
        return self.note("target", {"envoys": list(envoys)})

    # ------------------------------------------------------------ time, people and faults

    def at(self, time_s: float) -> "Given":
        assert time_s >= self._now
        self._now = time_s
        return self

    def after(self, seconds: float) -> "Given":
        return self.at(self._now + seconds)

    def note(self, topic: str, value: JsonObject | None = None, *, actor: str = "") -> "Given":
        self._record.note(topic, value or {}, actor=actor)
        return self

    def there_are(self, kind: str, *names: str) -> "Given":
        for name in names:
            about: JsonObject = {"kind": kind, "identity": name, "group": "", "labels": {}}
            self.note("actor.start", about, actor=name)
        return self

    def envoys(self, *names: str) -> "Given":
        return self.there_are("envoy", *names)

    def frontends(self, *names: str) -> "Given":
        return self.there_are("frontend", *names)

    def attackers(self, *names: str) -> "Given":
        return self.there_are("attacker", *names)

    def speaks(self, actor: str, *, as_: str) -> "Given":
        self._identities[actor] = as_
        return self

    def reconnects(self, actor: str) -> "Given":
        self._connections[actor] = self._connections.get(actor, 1) + 1
        return self

    def fault(self, type_: str, *targets: str, opens: bool = True) -> "Given":
        value: JsonObject = {"fault": "f1", "type": type_, "targets": list(targets)}
        return self.note("fault.open" if opens else "fault.close", value)

    def heals(self, type_: str, *targets: str) -> "Given":
        return self.fault(type_, *targets, opens=False)

    def strikes(self, type_: str, actor: str, mode: str) -> "Given":
        """Touch an actor as a whole."""
        value: JsonObject = {
            "fault": "f1",
            "type": type_,
            "method": "",
            "direction": "",
            "mode": mode,
        }
        return self.note("fault.touch", value, actor=actor)

    def restarts(self) -> "Given":
        return self.note("director.kill").note("director.start")

    # ------------------------------------------------------------ operations

    def call(
        self, actor: str, topic: str, request: JsonObject | None = None, **usual: Json
    ) -> Operation:
        value: JsonObject = {
            "as": self._identities.get(actor, actor),
            "connection": self._connections.get(actor, 1),
            **(request or {}),
        }
        return Operation(self._record, actor, self._record.invoke(actor, topic, value), usual)

    def registers(
        self,
        envoy: str,
        *,
        by: str = "",
        description: str = "scans",
        n_samples: int = 10,
        shape: Sequence[str] = SHAPE,
    ) -> Operation:
        shard: JsonObject = {
            "name": envoy,
            "description": description,
            "n_samples": n_samples,
            "sample_shape": list(shape),
            "target_shape": list(shape),
            "devices": [],
        }
        return self.call(by or envoy, "UpdateShardInfo", shard, accepted=True)

    def beats(self, envoy: str, *, by: str = "") -> Operation:
        request: JsonObject = {"name": envoy, "running": False}
        return self.call(by or envoy, "UpdateEnvoyStatus", request, period_s=10.0)

    def lists(self, who: str, *envoys: JsonObject) -> Operation:
        return self.call(who, "GetEnvoys", envoys=list(envoys))

    def uploads(
        self,
        owner: str,
        experiment: str,
        to: Sequence[str] = ("a",),
        *,
        intent: str = "whole",
        members: JsonObject | None = MEMBERS,
        rounds: int = 2,
        model: JsonObject | None = None,
    ) -> Operation:
        request: JsonObject = {
            "experiment": experiment,
            "collaborators": list(to),
            "chunks": 2,
            "size": 100,
            "sha256": "00",
            "members": members,
            "plan_rest": "aa",
            "rounds": rounds,
            "tasks": [],
            "model": model or {},
            "intent": intent,
        }
        return self.call(owner, "SetNewExperiment", request, accepted=True)

    def waits(self, envoy: str, *, by: str = "", brings: str = "") -> Operation:
        return self.call(by or envoy, "WaitExperiment", {"name": envoy}, experiment=brings)

    def downloads(
        self,
        envoy: str,
        experiment: str,
        *,
        by: str = "",
        chunks: int = 2,
        members: JsonObject | None = MEMBERS,
        plan_rest: str = "aa",
        mismatched: int = 0,
    ) -> Operation:
        return self.call(
            by or envoy,
            "GetExperimentData",
            {"experiment": experiment, "name": envoy},
            chunks=chunks,
            size=100,
            mismatched=mismatched,
            sha256="00",
            members=members,
            plan_rest=plan_rest,
            network=None,
        )

    def reports_failure(self, envoy: str, experiment: str, *, by: str = "") -> Operation:
        request: JsonObject = {
            "experiment": experiment,
            "name": envoy,
            "code": 1,
            "description": "broken",
        }
        return self.call(by or envoy, "SetExperimentFailed", request)

    def asks_status(self, who: str, experiment: str, status: str = "in_progress") -> Operation:
        return self.call(who, "GetExperimentStatus", {"experiment": experiment}, status=status)

    def lists_own(self, who: str, experiment: str, status: str) -> Operation:
        item: JsonObject = {"name": experiment, "status": status, "progress": 0.0}
        return self.call(who, "GetExperimentsList", experiments=[item])

    def removes(self, who: str, experiment: str) -> Operation:
        request: JsonObject = {"experiment": experiment}
        return self.call(who, "RemoveExperimentData", request, acknowledged=True)

    def follows(self, who: str, experiment: str, *metrics: Sequence[Json]) -> Operation:
        seen = [list(metric) for metric in metrics]
        return self.call(who, "GetMetricStream", {"experiment": experiment}, metrics=seen)

    def fetches(self, who: str, experiment: str, kind: str, model: JsonObject) -> Operation:
        request: JsonObject = {"experiment": experiment, "kind": kind}
        return self.call(who, "GetTrainedModel", request, tensors=model)

    # ------------------------------------------------------------ collaborators

    def asks_tasks(
        self,
        envoy: str,
        experiment: str,
        *,
        round_number: int = 0,
        tasks: Sequence[str] = ("train", "check"),
        quit_: bool = False,
        by: str = "",
    ) -> Operation:
        return self.call(
            by or envoy,
            "GetTasks",
            _member(envoy, experiment),
            round=round_number,
            tasks=list(tasks),
            sleep_s=0,
            quit=quit_,
        )

    def is_given(
        self,
        envoy: str,
        experiment: str,
        name: str,
        round_number: int,
        tensor: JsonObject,
        *,
        of_round: int | None = None,
    ) -> Operation:
        """`of_round`: whose model's the tensor is said to be, where that is not what was asked."""
        request: JsonObject = {
            **_member(envoy, experiment),
            "tensor": name,
            "round": round_number,
            "tags": ["model"],
        }
        tags: Json = ["compressed", "model"]
        given = round_number if of_round is None else of_round
        return self.call(
            envoy, "GetAggregatedTensor", request, tensor=tensor, tags=tags, round=given
        )

    def sends(
        self,
        envoy: str,
        experiment: str,
        task: str,
        round_number: int,
        *,
        size: int = 10,
        metrics: JsonObject | None = None,
        tensors: JsonObject | None = None,
        by: str = "",
        pieces: int | None = None,
    ) -> Operation:
        request: JsonObject = {
            **_member(envoy, experiment),
            **({} if pieces is None else {"pieces": pieces}),
            "round": round_number,
            "task": task,
            "data_size": size,
            "metrics": metrics or {},
            "tensors": tensors or {},
        }
        return self.call(by or envoy, "SendLocalTaskResults", request)

    # ------------------------------------------------------------ the end

    def history(self) -> History:
        return self._record.finish(self._header)

    def judged_by(self, checker: Checker) -> Judgement:
        return checker.check(self.history())


def shown(
    name: str,
    *,
    online: bool = True,
    description: str = "scans",
    n_samples: int = 10,
    updated_at: float = 0.0,
    valid_s: float = 20.0,
    experiment: str = "",
) -> JsonObject:
    """Return an envoy as GetEnvoys lists it."""
    return {
        "name": name,
        "description": description,
        "n_samples": n_samples,
        "sample_shape": list(SHAPE),
        "target_shape": list(SHAPE),
        "online": online,
        "running": False,
        "updated": EPOCH + updated_at,
        "valid_s": valid_s,
        "experiment": experiment,
    }


def tensor(*values: float) -> JsonObject:
    """Return a vector as the record tells it."""
    content = np.array(values, dtype="<f4").tobytes()
    return {
        "shape": [len(values)],
        "sha256": hashlib.sha256(content).hexdigest(),
        "b64": base64.b64encode(content).decode("ascii"),
    }


def holds(judgement: Judgement) -> bool:
    """Whether a promise was exercised and nothing speaks against it."""
    return judgement.validity is Validity.VALID and judgement.occasions > 0


def is_silent(judgement: Judgement) -> bool:
    """Whether nothing speaks against a promise, exercised or not."""
    return judgement.validity is Validity.VALID


def broken(judgement: Judgement) -> str:
    """Return the first breach, which must be there."""
    assert judgement.validity is Validity.INVALID, judgement
    finding = judgement.findings[0]
    assert finding.evidence, finding
    return finding.message


def _member(envoy: str, experiment: str) -> JsonObject:
    return {"experiment": experiment, "name": envoy, "federation": f"plan.yaml_{experiment}"}
