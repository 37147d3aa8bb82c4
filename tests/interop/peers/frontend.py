"""An unmodified OpenFL frontend: one `Federation`, and any number of `FLExperiment`s in turn.

Reads a request a line and performs it to its end.  Prints `SUBMITTED` and the name once an
experiment is with the Director, and `ANSWER {...}` with everything that came of it.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from openfl.interface.aggregation_functions import (
    AdamAdaptiveAggregation,
    GeometricMedian,
    Median,
)
from openfl.interface.aggregation_functions.core import AggregationFunction
from openfl.interface.interactive_api.experiment import FLExperiment, ModelInterface, TaskKeeper
from openfl.interface.interactive_api.federation import Federation

MOMENTUM = 0.5


class Coasting(AggregationFunction):
    """An aggregation that somebody wrote for an experiment of their own.

    It looks the round's model up, and remembers where each tensor went before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.speeds: dict[str, Any] = {}

    def call(
        self, local_tensors: Any, db_iterator: Any, tensor_name: str, fl_round: int, tags: Any
    ) -> Any:
        """Return the model's tensor, moved by the average change and half of the last move."""
        del tags
        base = next(
            row["nparray"]
            for row in db_iterator
            if (row["round"], row["tensor_name"]) == (fl_round, tensor_name)
            and "model" in row["tags"]
        )
        average = sum(each.weight * each.tensor.astype(np.float64) for each in local_tensors)
        before = self.speeds.get(tensor_name, np.zeros(base.shape))
        self.speeds[tensor_name] = MOMENTUM * before + (average - base)
        return base + self.speeds[tensor_name]


class Broken(AggregationFunction):
    """An aggregation that does not work."""

    def call(self, *_: Any) -> Any:
        """Fail, as code under development does."""
        raise RuntimeError("no such thing as an average")


def adam() -> AggregationFunction:
    """Return OpenFL's own adaptive aggregation, beginning where the model does."""
    import np_adapter  # noqa: PLC0415 - found only once its folder is known

    return AdamAdaptiveAggregation(
        params=np_adapter.NumpyAdapter.get_tensor_dict(np_adapter.Line())
    )


_AGGREGATIONS = {
    "median": Median,
    "geometric median": GeometricMedian,
    "own": Coasting,
    "broken": Broken,
    "adam": adam,
}


def own_assigner(collaborators: list[str], round_number: int, **_: Any) -> dict[str, list[Any]]:
    """Assign nothing to anybody: what it would assign is not looked at."""
    del round_number
    return {name: [] for name in collaborators}


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", required=True)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--certificates")
    options = parser.parse_args()
    # From where both this process and the pickles find it.
    sys.path.append(str(Path(__file__).parent / "workspace"))
    federation = Federation(
        client_id=options.client,
        director_node_fqdn=options.host,
        director_port=options.port,
        **credentials(options.certificates, options.client),
    )
    print("READY", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(options.folder) / request["experiment"]
        try:
            told = {"value": perform(federation, request, folder)}
        except grpc.RpcError as error:
            told = {"code": error.code().name, "details": error.details()}
        print("ANSWER " + json.dumps({"id": request["id"], **told}), flush=True)


def credentials(folder: str | None, name: str) -> dict[str, Any]:
    """Return what OpenFL wants to know of certificates."""
    if folder is None:
        return {"tls": False}
    return {
        "tls": True,
        "cert_chain": f"{folder}/root_ca.crt",
        "api_cert": f"{folder}/{name}.crt",
        "api_private_key": f"{folder}/{name}.key",
    }


def perform(federation: Federation, request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Submit an experiment, follow it to its end, and return what came of it."""
    name = request["experiment"]
    folder.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "workspace" / "np_adapter.py", folder)
    os.chdir(folder)
    experiment = FLExperiment(federation=federation, experiment_name=name)
    started = time.perf_counter()
    experiment.start(**arguments(request))
    print(f"SUBMITTED {name}", flush=True)
    client = federation.dir_client
    metrics = [
        [m["metric_origin"], m["task_name"], m["metric_name"], m["metric_value"], m["round"]]
        for m in client.stream_metrics(name)
    ]
    return {
        "seconds": time.perf_counter() - started,
        "status": experiment.get_experiment_status(),
        "metrics": metrics,
        "best": tensors(client.get_best_model(name)),
        "last": tensors(client.get_last_model(name)),
        "collaborators": sorted(experiment.plan.authorized_cols),
    }


def arguments(request: dict[str, Any]) -> dict[str, Any]:
    """Return what `FLExperiment.start` is told."""
    import np_adapter  # noqa: PLC0415 - found only once its folder is known

    tasks = TaskKeeper()
    fit = getattr(np_adapter, request["task"])
    if request["aggregation"]:
        fit = tasks.set_aggregation_function(_AGGREGATIONS[request["aggregation"]]())(fit)
    tasks.register_fl_task(
        model="net", data_loader="loader", device="device", optimizer="optimizer"
    )(fit)
    tasks.register_fl_task(model="net", data_loader="loader", device="device")(np_adapter.check)
    model = ModelInterface(
        model=np_adapter.Line(),
        optimizer=np_adapter.Momentum() if request["has_momentum"] else None,
        framework_plugin="np_adapter.NumpyAdapter",
    )
    return {
        "model_provider": model,
        "task_keeper": tasks,
        "data_loader": np_adapter.ShardData(),
        "rounds_to_train": request["rounds"],
        "task_assigner": own_assigner if request["has_own_assigner"] else None,
        "override_config": request["settings"] or None,
        "delta_updates": request["delta_updates"],
        "opt_treatment": request["opt_treatment"],
    }


def tensors(model: dict[str, Any]) -> dict[str, list[float]]:
    """Return a model as JSON can say it, to the bit."""
    return {name: [float(x) for x in value.reshape(-1)] for name, value in model.items()}


if __name__ == "__main__":
    main()
