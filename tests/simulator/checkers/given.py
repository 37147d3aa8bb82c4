"""A small language for records: who asked what, when, and how it was answered.

Time stands still until `at` or `after` moves it; what overlaps is what is answered late.
"""

import base64
import hashlib
from collections.abc import Sequence

import numpy as np

from simulator.checkers.base import Judgement, Validity
from simulator.history.entry import Json, JsonObject
from tests.simulator.checkers.record import EPOCH, SHAPE, Operation, Record

MEMBERS: JsonObject = {"model.py": "1f", "plan/data.txt": "2e"}


class Given(Record):
    """A record told in words: what envoys, frontends and collaborators ask for."""

    # ------------------------------------------------------------ envoys and frontends

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
