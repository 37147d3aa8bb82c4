"""Experiments to measure with: an archive of any size that can be run, and its upload."""

import io
import random
import zipfile
from collections.abc import Iterator

from protos import base_pb2, director_pb2

MIB = 2**20
CHUNK = 2 * MIB

_PLAN = """\
aggregator: {settings: {rounds_to_train: 1}}
network: {settings: {agg_addr: auto, agg_port: auto}}
tasks:
  train: {function: train_batches, kwargs: {}}
"""


def archive_of(size: int) -> bytes:
    """Return a workspace that nothing can make smaller."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("plan/plan.yaml", _PLAN)
        archive.writestr("data.bin", random.Random(size).randbytes(size))
    return target.getvalue()


def model_of(size: int) -> base_pb2.ModelProto:
    """Return a model with so many bytes of weights."""
    return base_pb2.ModelProto(
        tensors=[
            base_pb2.NamedTensor(
                name="weights",
                lossless=True,
                tags=["model"],
                transformer_metadata=[base_pb2.MetadataProto(int_list=[size // 4])],
                data_bytes=bytes(size),
            )
        ]
    )


def upload_of(
    archive: bytes,
    model: base_pb2.ModelProto,
    *,
    name: str = "experiment",
    collaborators: tuple[str, ...] = ("env-0",),
) -> Iterator[director_pb2.ExperimentInfo]:
    """Yield the messages of an upload, the model in each, as OpenFL's frontend does."""
    for start in range(0, len(archive), CHUNK):
        chunk = archive[start : start + CHUNK]
        yield director_pb2.ExperimentInfo(
            name=name,
            collaborator_names=collaborators,
            experiment_data=director_pb2.ExperimentData(size=len(chunk), npbytes=chunk),
            model_proto=model,
        )
