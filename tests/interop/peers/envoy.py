"""An unmodified OpenFL envoy with a shard of numpy points."""

import argparse
import os

import numpy as np
from openfl.component.envoy.envoy import Envoy
from openfl.interface.cli import setup_logging
from openfl.interface.interactive_api.shard_descriptor import ShardDescriptor


class Points(ShardDescriptor):
    """Noisy points of one line; the seed makes each envoy's its own."""

    def __init__(self, seed, samples):
        random = np.random.default_rng(seed)
        self.x = random.uniform(-1, 1, samples).astype(np.float32)
        noise = random.normal(0, 0.1, samples).astype(np.float32)
        self.y = (3 * self.x + 0.5 + noise).astype(np.float32)

    def get_dataset(self, dataset_type):
        return self.x, self.y

    @property
    def sample_shape(self):
        return ["1"]

    @property
    def target_shape(self):
        return ["1"]

    @property
    def dataset_description(self):
        return f"{len(self.x)} points of a line"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--certificates")
    options = parser.parse_args()
    setup_logging("INFO")  # the command line does this; collaborators need its extra log level
    os.makedirs(options.folder, exist_ok=True)
    os.chdir(options.folder)
    tls = options.certificates is not None
    paths = {}
    if tls:
        paths = {
            "root_certificate": f"{options.certificates}/root_ca.crt",
            "private_key": f"{options.certificates}/{options.name}.key",
            "certificate": f"{options.certificates}/{options.name}.crt",
        }
    Envoy(
        shard_name=options.name,
        director_host=options.host,
        director_port=options.port,
        shard_descriptor=Points(options.seed, options.samples),
        tls=tls,
        install_requirements=False,
        **paths,
    ).start()


if __name__ == "__main__":
    main()
