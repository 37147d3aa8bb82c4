"""An unmodified OpenFL envoy with a shard of numpy points."""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openfl.component.envoy.envoy import Envoy
from openfl.interface.cli import setup_logging
from openfl.interface.interactive_api.shard_descriptor import ShardDescriptor

Array = NDArray[np.float32]


class Points(ShardDescriptor):
    """Noisy points of one line; the seed makes each envoy's its own."""

    def __init__(self, seed: int, samples: int) -> None:
        random = np.random.default_rng(seed)
        self.x: Array = random.uniform(-1, 1, samples).astype(np.float32)
        noise = random.normal(0, 0.1, samples).astype(np.float32)
        self.y: Array = (3 * self.x + 0.5 + noise).astype(np.float32)

    def get_dataset(self, dataset_type: str) -> tuple[Array, Array]:
        """Return all points, whatever they are wanted for."""
        del dataset_type
        return self.x, self.y

    @property
    def sample_shape(self) -> list[str]:
        """One number."""
        return ["1"]

    @property
    def target_shape(self) -> list[str]:
        """One number."""
        return ["1"]

    @property
    def dataset_description(self) -> str:
        """What the envoy tells of them."""
        return f"{len(self.x)} points of a line"


def main() -> None:
    """Be an envoy until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--certificates")
    options = parser.parse_args()
    # The command line does this; collaborators need its extra log level.
    setup_logging("DEBUG")
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    Envoy(
        shard_name=options.name,
        director_host=options.host,
        director_port=options.port,
        shard_descriptor=Points(options.seed, options.samples),
        install_requirements=False,
        **credentials(options.certificates, options.name),
    ).start()


def credentials(folder: str | None, name: str) -> dict[str, Any]:
    """Return what OpenFL wants to know of certificates."""
    if folder is None:
        return {"tls": False}
    return {
        "tls": True,
        "root_certificate": f"{folder}/root_ca.crt",
        "private_key": f"{folder}/{name}.key",
        "certificate": f"{folder}/{name}.crt",
    }


if __name__ == "__main__":
    main()
