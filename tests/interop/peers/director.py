"""OpenFL's own Director, to be compared with ours and tormented by our simulator."""

import argparse
import os
from pathlib import Path
from typing import Any

from openfl.component.director import Director
from openfl.interface.cli import setup_logging
from openfl.transport.grpc.director_server import DirectorGRPCServer


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--sample-shape", default="1")
    parser.add_argument("--target-shape", default="1")
    parser.add_argument("--period", type=int, default=2)
    parser.add_argument("--certificates")
    options = parser.parse_args()
    setup_logging("INFO")  # the command line does this; collaborators need its extra log level
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    DirectorGRPCServer(
        director_cls=Director,
        listen_host="127.0.0.1",
        listen_port=options.port,
        sample_shape=[options.sample_shape],
        target_shape=[options.target_shape],
        envoy_health_check_period=options.period,
        **credentials(options.certificates),
    ).start()


def credentials(folder: str | None) -> dict[str, Any]:
    """Return what OpenFL wants to know of certificates."""
    if folder is None:
        return {"tls": False}
    return {
        "tls": True,
        "root_certificate": f"{folder}/root_ca.crt",
        "private_key": f"{folder}/localhost.key",
        "certificate": f"{folder}/localhost.crt",
    }


if __name__ == "__main__":
    main()
