"""An unmodified OpenFL frontend: `Federation` and `FLExperiment` through a whole experiment.

Prints one line of JSON with what it got.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

import grpc


def listed(client):
    """The experiments as told, or the status code: OpenFL's own Director answers with an error."""
    try:
        return [
            [item.name, item.status, item.collaborators_amount, item.tasks_amount, item.progress]
            for item in client.get_experiments_list()
        ]
    except grpc.RpcError as error:
        return error.code().name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", default="alice")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--certificates")
    parser.add_argument("--delta-updates", action="store_true")
    parser.add_argument("--break-down", action="store_true")
    parser.add_argument("--pipeline")
    parser.add_argument("--settings", default="{}")
    options = parser.parse_args()

    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).parent / "workspace" / "np_adapter.py", folder)
    os.chdir(folder)
    sys.path.insert(0, str(folder))

    import np_adapter
    from openfl.interface.interactive_api.experiment import (
        FLExperiment,
        ModelInterface,
        TaskKeeper,
    )
    from openfl.interface.interactive_api.federation import Federation

    tls = options.certificates is not None
    paths = {}
    if tls:
        paths = {
            "cert_chain": f"{options.certificates}/root_ca.crt",
            "api_cert": f"{options.certificates}/{options.client}.crt",
            "api_private_key": f"{options.certificates}/{options.client}.key",
        }
    federation = Federation(
        client_id=options.client,
        director_node_fqdn=options.host,
        director_port=options.port,
        tls=tls,
        **paths,
    )
    tasks = TaskKeeper()
    fit = np_adapter.break_down if options.break_down else np_adapter.fit
    tasks.register_fl_task(
        model="net", data_loader="loader", device="device", optimizer="optimizer"
    )(fit)
    tasks.register_fl_task(model="net", data_loader="loader", device="device")(np_adapter.check)
    model = ModelInterface(
        model=np_adapter.Line(), optimizer="none", framework_plugin="np_adapter.NumpyAdapter"
    )
    override = json.loads(options.settings)
    if options.pipeline:
        override["compression_pipeline.template"] = options.pipeline

    experiment = FLExperiment(federation=federation, experiment_name=options.experiment)
    started = time.perf_counter()
    experiment.start(
        model_provider=model,
        task_keeper=tasks,
        data_loader=np_adapter.ShardData(),
        rounds_to_train=options.rounds,
        delta_updates=options.delta_updates,
        override_config=override or None,
    )
    client = federation.dir_client
    metrics = [
        [m["metric_origin"], m["task_name"], m["metric_name"], m["metric_value"], m["round"]]
        for m in client.stream_metrics(options.experiment)
    ]
    status = experiment.get_experiment_status()

    def tensors(model):
        return {name: [float(x) for x in value] for name, value in model.items()}

    told = {
        "status": status,
        "seconds": time.perf_counter() - started,
        "metrics": metrics,
        "best": tensors(client.get_best_model(options.experiment)),
        "last": tensors(client.get_last_model(options.experiment)),
        "listed": listed(client),
        "collaborators": sorted(experiment.plan.authorized_cols),
    }
    print("RESULT " + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
