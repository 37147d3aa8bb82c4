"""What the history tells of the Director's longer answers: protobuf in, JSON out."""

from protos import base_pb2, director_pb2 as pb
from simulator.history.entry import Json, JsonObject


def dataset(answer: pb.GetDatasetInfoResponse) -> JsonObject:
    """Tell the shapes of a federation."""
    return {
        "sample_shape": list(answer.shard_info.sample_shape),
        "target_shape": list(answer.shard_info.target_shape),
    }


def envoys(answer: pb.GetEnvoysResponse) -> JsonObject:
    """Tell the list of envoys."""
    return {"envoys": [_envoy(envoy) for envoy in answer.envoy_infos]}


def _envoy(envoy: pb.EnvoyInfo) -> JsonObject:
    shard, updated, valid = envoy.shard_info, envoy.last_updated, envoy.valid_duration
    return {
        "name": shard.node_info.name,
        "description": shard.shard_description,
        "n_samples": shard.n_samples,
        "sample_shape": list(shard.sample_shape),
        "target_shape": list(shard.target_shape),
        "online": envoy.is_online,
        "running": envoy.is_experiment_running,
        "updated": updated.seconds + updated.nanos / 1e9,
        "valid_s": valid.seconds + valid.nanos / 1e9,
        "experiment": envoy.experiment_name,
    }


def experiments(answer: pb.GetExperimentsListResponse) -> JsonObject:
    """Tell a user's list of experiments."""
    return {
        "experiments": [
            {
                "name": item.name,
                "status": item.status,
                "collaborators": item.collaborators_amount,
                "tasks": item.tasks_amount,
                "progress": item.progress,
            }
            for item in answer.experiments
        ]
    }


def description(answer: pb.GetExperimentDescriptionResponse) -> JsonObject:
    """Tell all that a user may know of an experiment."""
    experiment = answer.experiment
    return {
        "name": experiment.name,
        "status": experiment.status,
        "progress": experiment.progress,
        "total_rounds": experiment.total_rounds,
        "current_round": experiment.current_round,
        "collaborators": [_collaborator(each) for each in experiment.collaborators],
        "tasks": [task.name for task in experiment.tasks],
        "models": [
            {"name": model.name, "status": model.status}
            for model in experiment.download_statuses.models
        ],
        "logs": [
            {"name": log.name, "status": log.status} for log in experiment.download_statuses.logs
        ],
    }


def _collaborator(collaborator: base_pb2.CollaboratorDescription) -> JsonObject:
    return {
        "name": collaborator.name,
        "status": collaborator.status,
        "progress": collaborator.progress,
        "round": collaborator.round,
        "current_task": collaborator.current_task,
        "next_task": collaborator.next_task,
    }


def metric(answer: pb.GetMetricStreamResponse) -> list[Json]:
    """Tell one metric."""
    return [
        answer.metric_origin,
        answer.task_name,
        answer.metric_name,
        answer.metric_value,
        answer.round,
    ]
