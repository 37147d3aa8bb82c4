"""What a data scientist brings: a numpy model, how OpenFL reads its tensors, and its data.

It travels in the workspace to every envoy, so it imports nothing of ours.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openfl.interface.interactive_api.experiment import DataInterface
from openfl.plugins.frameworks_adapters.framework_adapter_interface import (
    FrameworkAdapterPluginInterface,
)

Array = NDArray[np.float32]
Points = tuple[Array, Array]

STEPS = 10
RATE = 0.05
MOMENTUM = 0.5
CELLS, MARKED = 40, slice(None, None, 10)
FEW = 20


class Line:
    """y = slope * x + bias; and a table that is mostly empty, as lossy compression likes it."""

    def __init__(self) -> None:
        self.slope = np.zeros(1, dtype=np.float32)
        self.bias = np.zeros(1, dtype=np.float32)
        self.table = np.zeros(CELLS, dtype=np.float32)

    def errors(self, points: Points) -> Array:
        """Return how far off it is at each point."""
        x, y = points
        return self.slope * x + self.bias - y


class Momentum:
    """What an optimiser remembers from step to step."""

    def __init__(self) -> None:
        self.slope = np.zeros(1, dtype=np.float32)
        self.bias = np.zeros(1, dtype=np.float32)


class NumpyAdapter(FrameworkAdapterPluginInterface):
    """Tensors of a `Line`, and of a `Momentum` where the experiment has one."""

    @staticmethod
    def get_tensor_dict(model: Line, optimizer: Momentum | None = None) -> dict[str, Array]:
        """Return copies of the tensors."""
        tensors = {
            "slope": model.slope.copy(),
            "bias": model.bias.copy(),
            "table": model.table.copy(),
        }
        if optimizer is not None:
            tensors |= {
                "momentum_slope": optimizer.slope.copy(),
                "momentum_bias": optimizer.bias.copy(),
            }
        return tensors

    @staticmethod
    def set_tensor_dict(
        model: Line,
        tensor_dict: dict[str, Array],
        optimizer: Momentum | None = None,
        device: str = "cpu",
    ) -> None:
        """Take the tensors in."""
        del device
        model.slope = np.asarray(tensor_dict["slope"], dtype=np.float32).reshape(1)
        model.bias = np.asarray(tensor_dict["bias"], dtype=np.float32).reshape(1)
        model.table = np.array(tensor_dict["table"], dtype=np.float32).reshape(CELLS)
        if optimizer is not None:
            optimizer.slope = np.asarray(tensor_dict["momentum_slope"]).reshape(1)
            optimizer.bias = np.asarray(tensor_dict["momentum_bias"]).reshape(1)


class ShardData(DataInterface):
    """The envoy's own points."""

    @property
    def shard_descriptor(self) -> Any:
        """The envoy's shard."""
        return self._shard_descriptor

    @shard_descriptor.setter
    def shard_descriptor(self, shard_descriptor: Any) -> None:
        self._shard_descriptor = shard_descriptor
        self.points: Points = shard_descriptor.get_dataset("train")

    def get_train_loader(self, **kwargs: Any) -> Points:
        """Return all points."""
        del kwargs
        return self.points

    def get_valid_loader(self, **kwargs: Any) -> Points:
        """Return all points."""
        del kwargs
        return self.points

    def get_train_data_size(self) -> int:
        """Return how many points there are."""
        return len(self.points[0])

    def get_valid_data_size(self) -> int:
        """Return how many points there are."""
        return len(self.points[0])


def fit(net: Line, loader: Points, device: str, optimizer: Momentum | None) -> dict[str, float]:
    """Take a few steps of gradient descent."""
    del device, optimizer
    for _ in range(STEPS):
        error = net.errors(loader)
        net.slope = (net.slope - RATE * np.mean(error * loader[0])).astype(np.float32)
        net.bias = (net.bias - RATE * np.mean(error)).astype(np.float32)
    net.table[MARKED] += np.float32(len(loader[0]) / 100)
    return {"train_mse": float(np.mean(net.errors(loader) ** 2))}


def fit_slowly(
    net: Line, loader: Points, device: str, optimizer: Momentum | None
) -> dict[str, float]:
    """Do the same, and take a second for it."""
    time.sleep(1)
    return fit(net, loader, device, optimizer)


def fit_late(
    net: Line, loader: Points, device: str, optimizer: Momentum | None
) -> dict[str, float]:
    """Do the same, but dawdle where there are few points."""
    if len(loader[0]) == FEW:
        time.sleep(5)
    return fit(net, loader, device, optimizer)


def fit_with_momentum(
    net: Line, loader: Points, device: str, optimizer: Momentum
) -> dict[str, float]:
    """Take steps that remember where the last ones went."""
    del device
    for _ in range(STEPS):
        error = net.errors(loader)
        optimizer.slope = (MOMENTUM * optimizer.slope + np.mean(error * loader[0])).astype(
            np.float32
        )
        optimizer.bias = (MOMENTUM * optimizer.bias + np.mean(error)).astype(np.float32)
        net.slope = (net.slope - RATE * optimizer.slope).astype(np.float32)
        net.bias = (net.bias - RATE * optimizer.bias).astype(np.float32)
    net.table[MARKED] += np.float32(len(loader[0]) / 100)
    return {"train_mse": float(np.mean(net.errors(loader) ** 2))}


def break_down(
    net: Line, loader: Points, device: str, optimizer: Momentum | None
) -> dict[str, float]:
    """Fail, as a collaborator with a broken set-up does."""
    del net, loader, device, optimizer
    raise RuntimeError("this collaborator cannot train")


def check(net: Line, loader: Points, device: str) -> dict[str, float]:
    """Score a model: the higher, the better."""
    del device
    return {"fit_score": float(1.0 / (1.0 + np.mean(net.errors(loader) ** 2)))}
