"""OpenFL's own clients of a Director, called one RPC at a time.

Reads a request a line, `{"id", "kind", "as", "shows", "call", "arguments"}`, and prints for each,
whenever it is done, `ANSWER {"id", ...}` with what the client returned, or the error that it
raised.  `shows` names whose certificate is shown.
"""

import argparse
import hashlib
import json
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from openfl.interface.cli import setup_logging
from openfl.transport.grpc.director_client import DirectorClient, ShardDirectorClient


class Described:
    """What `report_shard_info` reads of a shard descriptor."""

    def __init__(self, dataset_description: str, shapes: tuple[list[str], list[str]]) -> None:
        self.dataset_description = dataset_description
        self.sample_shape, self.target_shape = shapes


class Clients:
    """One client for each kind, name and certificate, made when it is first wanted."""

    def __init__(self, host: str, port: int, certificates: str | None) -> None:
        self._address = {"director_host": host, "director_port": port}
        self._certificates = certificates
        self._made: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, kind: str, name: str, shows: str) -> Any:
        """Return the client under which somebody speaks."""
        with self._lock:
            if (kind, name, shows) not in self._made:
                self._made[kind, name, shows] = self._make(kind, name, shows)
            return self._made[kind, name, shows]

    def _make(self, kind: str, name: str, shows: str) -> Any:
        known = {**self._address, **self._credentials(shows)}
        if kind == "shard":
            return ShardDirectorClient(shard_name=name, **known)
        return DirectorClient(client_id=name, **known)

    def _credentials(self, name: str) -> dict[str, Any]:
        if self._certificates is None:
            return {
                "tls": False,
                "root_certificate": None,
                "private_key": None,
                "certificate": None,
            }
        folder = Path(self._certificates)
        return {
            "tls": True,
            "root_certificate": folder / "root_ca.crt",
            "private_key": folder / f"{name}.key",
            "certificate": folder / f"{name}.crt",
        }


def perform(client: Any, call: str, arguments: dict[str, Any]) -> Any:
    """Make a call of a client; what JSON cannot carry is put together here."""
    if call == "report_shard_info":
        shard = Described(
            arguments["description"], (arguments["sample_shape"], arguments["target_shape"])
        )
        return client.report_shard_info(shard, arguments["cuda_devices"])
    if call == "send_health_check":
        return client.send_health_check(envoy_name=client.shard_name, **arguments)
    if call == "set_new_experiment":
        model = {
            name: np.array(values, dtype=np.float32)
            for name, values in arguments.pop("model").items()
        }
        return client.set_new_experiment(initial_tensor_dict=model, **arguments)
    if call == "get_experiment_data":
        return downloaded(client.get_experiment_data(**arguments))
    if call == "stream_metrics":
        return list(client.stream_metrics(**arguments))
    return getattr(client, call)(**arguments)


def downloaded(stream: Iterable[Any]) -> dict[str, Any]:
    """Return what came of a download."""
    chunks = [(chunk.size, chunk.npbytes) for chunk in stream]
    content = b"".join(piece for _, piece in chunks)
    return {
        "chunks": len(chunks),
        "size": len(content),
        "mismatched": sum(1 for size, piece in chunks if size != len(piece)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def plain(value: Any) -> Any:
    """Return what JSON can say of an answer."""
    if isinstance(value, Message):
        return MessageToDict(
            value, including_default_value_fields=True, preserving_proto_field_name=True
        )
    if isinstance(value, np.ndarray):
        return value.astype(float).tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float) or value is None:
        return value
    return [plain(item) for item in value]


def answer(clients: Clients, request: dict[str, Any]) -> dict[str, Any]:
    """Make the call that a request asks for."""
    try:
        client = clients.get(request["kind"], request["as"], request["shows"])
        value = plain(perform(client, request["call"], request["arguments"]))
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}
    except Exception as error:  # noqa: BLE001 - whatever the client raises is its answer
        return {"raised": type(error).__name__, "text": str(error)}
    return {"value": value}


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificates")
    options = parser.parse_args()
    setup_logging("INFO")
    clients = Clients(options.host, options.port, options.certificates)
    lock = threading.Lock()

    def serve(request: dict[str, Any]) -> None:
        told = {"id": request["id"], **answer(clients, request)}
        with lock:
            print("ANSWER " + json.dumps(told), flush=True)

    print("READY", flush=True)
    for line in sys.stdin:
        # A long poll must not hold the next call up.
        threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()


if __name__ == "__main__":
    main()
