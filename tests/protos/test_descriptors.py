"""The generated code against the wire contract, field by field."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

from protos import aggregator_pb2, base_pb2, director_pb2
from tests.protos.contract import AGGREGATOR_RPCS, DIRECTOR_RPCS, FILES

TYPES = {
    "str": FieldDescriptor.TYPE_STRING,
    "bytes": FieldDescriptor.TYPE_BYTES,
    "bool": FieldDescriptor.TYPE_BOOL,
    "u32": FieldDescriptor.TYPE_UINT32,
    "u64": FieldDescriptor.TYPE_UINT64,
    "i32": FieldDescriptor.TYPE_INT32,
    "f32": FieldDescriptor.TYPE_FLOAT,
}


def is_repeated(field: Any) -> bool:
    """Whether there may be many; asked in the way of the library that is installed."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def written(field: FieldDescriptor) -> str:
    """Return a field as the tables write it."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (written(part).split()[-1] for part in field.message_type.fields)
        return f"{field.number}: {field.name} map<{key},{value}>"
    if field.message_type is not None:
        kind = field.message_type.full_name
    elif field.enum_type is not None:
        kind = field.enum_type.full_name
    else:
        kind = next(name for name, number in TYPES.items() if number == field.type)
    return f"{field.number}: {field.name} {'*' if is_repeated(field) else ''}{kind}"


def all_messages(file: FileDescriptor) -> Iterator[Descriptor]:
    """Yield every message of a file, nested ones too."""
    pending: list[Descriptor] = list(file.message_types_by_name.values())
    while pending:
        message = pending.pop()
        pending.extend(message.nested_types)
        # An entry of a map always tells both its key and its value.
        if not message.GetOptions().map_entry:
            yield message


def messages_of(file: FileDescriptor) -> dict[str, str]:
    """Return the messages of a file as the tables write them."""
    prefix = f"{file.package}." if file.package else ""
    return {
        message.full_name.removeprefix(prefix): " · ".join(map(written, message.fields))
        for message in all_messages(file)
    }


def rpcs_of(file: FileDescriptor, service: str) -> dict[str, str]:
    """Return every RPC of a service as the tables write them."""
    prefix = f"{file.package}."

    def told(message: Descriptor, *, is_stream: bool) -> str:
        full = message.full_name
        name = full.removeprefix(prefix) if full.startswith(prefix) else f".{full}"
        return f"stream {name}" if is_stream else name

    return {
        method.name: (
            f"{told(method.input_type, is_stream=method.client_streaming)}"
            f" → {told(method.output_type, is_stream=method.server_streaming)}"
        )
        for method in file.services_by_name[service].methods
    }


@pytest.mark.parametrize("name", FILES)
def test_every_message_has_the_fields_of_the_contract_and_no_others(name: str) -> None:
    file, _, table = FILES[name]

    assert messages_of(file) == table


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_of_the_package_of_the_contract(name: str) -> None:
    file, package, _ = FILES[name]

    assert file.package == package


@pytest.mark.parametrize("name", FILES)
def test_values_that_are_zero_are_not_sent(name: str) -> None:
    file, _, _ = FILES[name]

    fields = [field for message in all_messages(file) for field in message.fields]

    assert [field.full_name for field in fields if field.has_presence] == [
        field.full_name
        for field in fields
        if field.message_type is not None and not is_repeated(field)
    ]


@pytest.mark.parametrize(
    ("file", "service", "table"),
    [
        (director_pb2.DESCRIPTOR, "Director", DIRECTOR_RPCS),
        (aggregator_pb2.DESCRIPTOR, "Aggregator", AGGREGATOR_RPCS),
    ],
)
def test_every_rpc_takes_and_returns_what_the_contract_says(
    file: FileDescriptor, service: str, table: dict[str, str]
) -> None:
    assert list(file.services_by_name) == [service]
    assert rpcs_of(file, service) == table


@pytest.mark.parametrize("file", [director_pb2.DESCRIPTOR, aggregator_pb2.DESCRIPTOR])
def test_the_kinds_of_model_have_their_numbers(file: FileDescriptor) -> None:
    kinds = file.message_types_by_name["GetTrainedModelRequest"].enum_types_by_name["ModelType"]

    assert {value.name: value.number for value in kinds.values} == {
        "BEST_MODEL": 0,
        "LAST_MODEL": 1,
    }


def test_a_map_travels_as_a_map() -> None:
    message = base_pb2.MetadataProto(int_to_float={-1: 0.5})

    assert message.SerializeToString().hex() == "0a1008ffffffffffffffffff01150000003f"


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        # As an OpenFL 1.6 Director was seen to send them.
        (director_pb2.UpdateShardInfoResponse(accepted=True), "0801"),
        (director_pb2.UpdateShardInfoResponse(accepted=False), ""),
        (
            director_pb2.GetDatasetInfoResponse(
                shard_info=director_pb2.ShardInfo(sample_shape=["1"], target_shape=["1"])
            ),
            "0a062201312a0131",
        ),
        (director_pb2.TrainedModelResponse(model_proto=base_pb2.ModelProto()), "0a00"),
    ],
)
def test_the_bytes_are_those_of_openfl(
    message: director_pb2.UpdateShardInfoResponse
    | director_pb2.GetDatasetInfoResponse
    | director_pb2.TrainedModelResponse,
    encoded: str,
) -> None:
    assert message.SerializeToString().hex() == encoded
