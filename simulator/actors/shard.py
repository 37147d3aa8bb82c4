"""An envoy's data set, as it describes it to the Director."""

from dataclasses import dataclass

from protos import director_pb2
from simulator.history.entry import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One accelerator; memory in MiB."""

    index: int
    name: str
    memory_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSpec:
    """What an envoy registers."""

    envoy: str
    description: str
    n_samples: int
    sample_shape: tuple[str, ...]
    target_shape: tuple[str, ...]
    devices: tuple[DeviceSpec, ...] = ()

    def as_proto(self) -> director_pb2.ShardInfo:
        """Put it on the wire."""
        node = director_pb2.NodeInfo(name=self.envoy, cuda_devices=self.device_protos())
        return director_pb2.ShardInfo(
            node_info=node,
            shard_description=self.description,
            n_samples=self.n_samples,
            sample_shape=self.sample_shape,
            target_shape=self.target_shape,
        )

    def device_protos(self) -> list[director_pb2.CudaDeviceInfo]:
        """Put the accelerators on the wire."""
        return [
            director_pb2.CudaDeviceInfo(
                index=device.index, name=device.name, memory_total=device.memory_total
            )
            for device in self.devices
        ]

    def told(self) -> JsonObject:
        """Tell it in the history."""
        return {
            "name": self.envoy,
            "description": self.description,
            "n_samples": self.n_samples,
            "sample_shape": list(self.sample_shape),
            "target_shape": list(self.target_shape),
            "devices": [
                {"index": device.index, "name": device.name, "memory_total": device.memory_total}
                for device in self.devices
            ],
        }
