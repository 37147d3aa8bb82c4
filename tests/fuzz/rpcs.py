"""Every RPC of both services, a good request for each, and what may be sent in its place."""

from collections.abc import Sequence

from google.protobuf.message import Message
from hypothesis import strategies as st

from director.core.tensors import encode
from director.transport.tensors import tensor_message
from protos import aggregator_pb2, base_pb2, director_pb2
from tests.director.house import ARCHIVE, WEIGHTS
from tests.fuzz.messages import bent, requests

EXPERIMENT, ENVOYS = "brain-mri", ("a", "b")
OWNER = ENVOYS[0]
FEDERATION = "plan.yaml_00000000"
"""Stands for the federation id of the running experiment, which is not known beforehand."""

WORDS = (
    *(*ENVOYS, EXPERIMENT, FEDERATION, f"aggregator_{FEDERATION}", "lung-ct", "1"),
    *("weights", "score", "model", "trained", "metric", "delta", "aggregated", "compressed"),
    *("lossy_compressed", "validate_agg", "train", "aggregated_model_validation"),
    *("", " ", ".", "../x", "/abs", "C:\\x", "\x00", "\u202e", "x" * 300, "__default__"),
)
"""Names that mean something in the town, and some that should mean nothing anywhere."""

HEADER = aggregator_pb2.MessageHeader(
    sender=ENVOYS[0], receiver=f"aggregator_{FEDERATION}", federation_uuid=FEDERATION
)
RESULTS = aggregator_pb2.TaskResults(
    header=HEADER,
    task_name="train",
    data_size=1,
    tensors=[
        tensor_message(encode("weights", WEIGHTS, round_number=0, tags=["trained"])),
        tensor_message(encode("score", WEIGHTS[0], round_number=0, tags=["metric"], report=True)),
    ],
)
BLOBS = (
    *(ARCHIVE, ARCHIVE[:-1], ARCHIVE[: len(ARCHIVE) // 2], b"", b"PK\x05\x06" + bytes(18)),
    *(WEIGHTS.astype("<f4").tobytes(), bytes(3), RESULTS.SerializeToString()),
)
"""Bytes that mean something: archives, tensors, and task results."""

_DEVICE = director_pb2.CudaDeviceInfo(index=0, memory_total=2**35, name="NVIDIA A100")


def upload(name: str) -> director_pb2.ExperimentInfo:
    """Return a good upload in one message."""
    tensor = tensor_message(encode("weights", WEIGHTS, round_number=0, tags=["model"]))
    return director_pb2.ExperimentInfo(
        name=name,
        collaborator_names=ENVOYS,
        experiment_data=director_pb2.ExperimentData(size=len(ARCHIVE), npbytes=ARCHIVE),
        model_proto=base_pb2.ModelProto(tensors=[tensor]),
    )


def shard(name: str) -> director_pb2.ShardInfo:
    """Return the shard of an envoy with a device."""
    node = director_pb2.NodeInfo(name=name, cuda_devices=[_DEVICE])
    return director_pb2.ShardInfo(node_info=node, sample_shape=["1"], target_shape=["1"])


_GOOD: Sequence[Message] = (
    director_pb2.UpdateShardInfoRequest(shard_info=shard("a")),
    director_pb2.WaitExperimentRequest(collaborator_name="a"),
    director_pb2.GetExperimentDataRequest(experiment_name=EXPERIMENT, collaborator_name="a"),
    director_pb2.UpdateEnvoyStatusRequest(
        name="a", is_experiment_running=True, cuda_devices=[_DEVICE]
    ),
    director_pb2.SetExperimentFailedRequest(
        experiment_name=EXPERIMENT, collaborator_name="a", error_code=1, error_description="no"
    ),
    upload("lung-ct"),
    director_pb2.GetExperimentStatusRequest(experiment_name=EXPERIMENT),
    director_pb2.GetExperimentDescriptionRequest(name=EXPERIMENT),
    director_pb2.GetTrainedModelRequest(experiment_name=EXPERIMENT),
    director_pb2.GetMetricStreamRequest(experiment_name=EXPERIMENT),
    director_pb2.RemoveExperimentRequest(experiment_name=EXPERIMENT),
    aggregator_pb2.GetTasksRequest(header=HEADER),
    aggregator_pb2.GetAggregatedTensorRequest(
        header=HEADER, tensor_name="weights", tags=["model"], require_lossless=True
    ),
    base_pb2.DataStream(size=RESULTS.ByteSize(), npbytes=RESULTS.SerializeToString()),
    aggregator_pb2.GetMetricStreamRequest(experiment_name=EXPERIMENT),
    aggregator_pb2.GetTrainedModelRequest(experiment_name=EXPERIMENT),
    aggregator_pb2.GetExperimentDescriptionRequest(name=EXPERIMENT),
    director_pb2.GetExperimentsListRequest(),
    director_pb2.GetDatasetInfoRequest(),
    director_pb2.GetEnvoysRequest(),
)
_GOOD_BY_KIND = {good.DESCRIPTOR.full_name: good for good in _GOOD}


class Rpc:
    """One RPC of either service, as its descriptor has it."""

    def __init__(self, service: str, name: str, kind: str, *, is_upload: bool) -> None:
        self.service = service
        self.name = name
        self.path = f"/{service}/{name}"
        self.good = _GOOD_BY_KIND[kind]
        self.is_upload = is_upload

    def __repr__(self) -> str:
        return self.name if self.service.endswith("Director") else f"Aggregator.{self.name}"

    def nonsense(self) -> st.SearchStrategy[list[bytes]]:
        """What may be sent in one call: a message, or a stream of a few."""
        if not self.is_upload:
            return requests(self.good, WORDS, BLOBS).map(lambda request: [request])
        streams = st.lists(requests(self.good, WORDS, BLOBS), max_size=3)
        return streams | _results() if isinstance(self.good, base_pb2.DataStream) else streams


RPCS = tuple(
    Rpc(
        service.full_name,
        method.name,
        method.input_type.full_name,
        is_upload=method.client_streaming,
    )
    for service in (
        director_pb2.DESCRIPTOR.services_by_name["Director"],
        aggregator_pb2.DESCRIPTOR.services_by_name["Aggregator"],
    )
    for method in service.methods
)


def _results() -> st.SearchStrategy[list[bytes]]:
    """Task results that are not quite what they should be, in a stream that is."""
    near = requests(RESULTS, WORDS, BLOBS)
    return (near | bent(near)).map(
        lambda content: [
            base_pb2.DataStream(size=len(piece), npbytes=piece).SerializeToString()
            for piece in (content[:20], content[20:])
        ]
    )
