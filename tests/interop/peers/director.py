"""OpenFL's own Director, to be compared with ours and tormented by our simulator."""

import argparse
import os

from openfl.component.director import Director
from openfl.interface.cli import setup_logging
from openfl.transport.grpc.director_server import DirectorGRPCServer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--sample-shape", default="1")
    parser.add_argument("--target-shape", default="1")
    parser.add_argument("--period", type=int, default=2)
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
            "private_key": f"{options.certificates}/localhost.key",
            "certificate": f"{options.certificates}/localhost.crt",
        }
    DirectorGRPCServer(
        director_cls=Director,
        tls=tls,
        listen_host="127.0.0.1",
        listen_port=options.port,
        sample_shape=[options.sample_shape],
        target_shape=[options.target_shape],
        envoy_health_check_period=options.period,
        **paths,
    ).start()


if __name__ == "__main__":
    main()
