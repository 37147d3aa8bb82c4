"""What a data scientist brings: a numpy model, how OpenFL reads its tensors, and its data.

It travels in the workspace to every envoy, so it imports nothing of ours.
"""

import numpy as np
from openfl.interface.interactive_api.experiment import DataInterface
from openfl.plugins.frameworks_adapters.framework_adapter_interface import (
    FrameworkAdapterPluginInterface,
)


class Line:
    """y = slope * x + bias."""

    def __init__(self):
        self.slope = np.zeros(1, dtype=np.float32)
        self.bias = np.zeros(1, dtype=np.float32)

    def predict(self, x):
        return self.slope * x + self.bias


class NumpyAdapter(FrameworkAdapterPluginInterface):
    """Tensors of a `Line`."""

    @staticmethod
    def get_tensor_dict(model, optimizer=None):
        return {"slope": model.slope.copy(), "bias": model.bias.copy()}

    @staticmethod
    def set_tensor_dict(model, tensor_dict, optimizer=None, device="cpu"):
        model.slope = np.asarray(tensor_dict["slope"], dtype=np.float32).reshape(1)
        model.bias = np.asarray(tensor_dict["bias"], dtype=np.float32).reshape(1)


class ShardData(DataInterface):
    """The envoy's own points."""

    @property
    def shard_descriptor(self):
        return self._shard_descriptor

    @shard_descriptor.setter
    def shard_descriptor(self, shard_descriptor):
        self._shard_descriptor = shard_descriptor
        self.points = shard_descriptor.get_dataset("train")

    def get_train_loader(self, **kwargs):
        return self.points

    def get_valid_loader(self, **kwargs):
        return self.points

    def get_train_data_size(self):
        return len(self.points[0])

    def get_valid_data_size(self):
        return len(self.points[0])


def fit(net, loader, device, optimizer):
    """Take ten steps of gradient descent."""
    x, y = loader
    for _ in range(10):
        error = net.predict(x) - y
        net.slope = (net.slope - 0.05 * np.mean(error * x)).astype(np.float32)
        net.bias = (net.bias - 0.05 * np.mean(error)).astype(np.float32)
    return {"train_mse": float(np.mean((net.predict(x) - y) ** 2))}


def break_down(net, loader, device, optimizer):
    """Fail, as a collaborator with a broken set-up does."""
    raise RuntimeError("this collaborator cannot train")


def check(net, loader, device):
    """Score a model: the higher, the better."""
    x, y = loader
    return {"fit_score": float(1.0 / (1.0 + np.mean((net.predict(x) - y) ** 2)))}
