"""Messages of an upload that are cut apart, beside the same messages decoded by the protocol."""

import asyncio

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given, strategies as st

from director.errors import InvalidUploadError
from director.transport.tensors import tensors_from
from director.transport.upload_messages import UploadReader
from protos import base_pb2, director_pb2

ALL = b"\x0a\x03mri\x12\x01a\x12\x01b\x22\x05\x0a\x03\x0a\x01w"
DATA = b"\x1a\x07\x08\x03\x12\x03abc"

names = st.sampled_from(["", "mri", "ct"])
data = st.builds(
    director_pb2.ExperimentData,
    size=st.sampled_from([0, 1, 3, 200]),
    npbytes=st.sampled_from([b"", b"x", b"abc", bytes(200)]),
)
infos = st.builds(
    director_pb2.ExperimentInfo,
    name=names,
    collaborator_names=st.lists(st.sampled_from(["a", "b"]), max_size=2),
    experiment_data=st.none() | data,
    model_proto=st.none()
    | st.builds(
        base_pb2.ModelProto,
        tensors=st.lists(st.builds(base_pb2.NamedTensor, name=names), max_size=2),
    ),
)
# What a stranger may send: fields twice, in another order, cut, unknown or of another type.
fields = st.sampled_from(
    [
        b"\x0a\x03mri",
        b"\x0a\x02ct",
        b"\x12\x01a",
        DATA,
        b"\x1a\x02\x08\x03",
        b"\x1a\x05\x12\x03abc",
        b"\x1a\x07\x12\x03abc\x08\x03",
        b"\x1a\x09\x08\x03\x12\x03abc\x18\x01",
        b"\x1a\x87\x00\x08\x03\x12\x03abc",
        b"\x1a\x00",
        b"\x1a\x7f",
        b"\x22\x00",
        b"\x22\x05\x0a\x03\x0a\x01w",
        b"\x2a\x01z",
        b"\x08\x01",
        b"\x1a",
        b"\x0a\x01\xff",
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    ]
)
odd = st.lists(fields, max_size=5).map(b"".join)
encoded = odd | infos.map(director_pb2.ExperimentInfo.SerializeToString)

Told = tuple[str, tuple[str, ...], object, list[bytes]]


async def cut(messages: list[bytes]) -> Told | type[Exception]:
    try:
        reader = await UploadReader.begin(messages[0])
        chunks = [await reader.chunk_of(raw) for raw in messages]
    except (DecodeError, InvalidUploadError) as error:
        return type(error)
    return reader.name, reader.collaborators, reader.tensors, chunks


def decoded(messages: list[bytes]) -> Told | type[Exception]:
    """Do the same by the book."""
    try:
        infos = [director_pb2.ExperimentInfo.FromString(raw) for raw in messages[:1]]
        for raw in messages:
            info = director_pb2.ExperimentInfo.FromString(raw)
            first = infos[0]
            if (info.name, info.collaborator_names) != (first.name, first.collaborator_names):
                return InvalidUploadError
            if info.model_proto != first.model_proto:
                return InvalidUploadError
            if info.experiment_data.size != len(info.experiment_data.npbytes):
                return InvalidUploadError
            infos.append(info)
    except DecodeError:
        return DecodeError
    first = infos[0]
    return (
        first.name,
        tuple(first.collaborator_names),
        tensors_from(first.model_proto.tensors),
        [info.experiment_data.npbytes for info in infos[1:]],
    )


@given(st.lists(encoded, min_size=1, max_size=3))
@example([ALL + DATA, ALL + DATA])
@example([ALL + DATA, DATA + ALL])
@example([DATA[:-1], DATA])
@example([DATA + DATA + ALL, DATA])
def test_messages_say_the_same_whether_they_are_cut_or_decoded(messages: list[bytes]) -> None:
    assert asyncio.run(cut(messages)) == decoded(messages)


async def test_what_repeats_the_first_message_is_not_decoded() -> None:
    reader = UploadReader(ALL + DATA)
    # A decoder would refuse this name, which is no text.
    reader._before = reader._before.replace(b"mri", b"\xff\xff\xff")

    chunk = await reader.chunk_of(reader._before + DATA + reader._after)

    assert chunk == b"abc"


async def test_a_message_that_lies_about_its_size_is_refused() -> None:
    reader = UploadReader(ALL + DATA)

    with pytest.raises(InvalidUploadError, match="it carries 4 bytes, but it carries 3"):
        await reader.chunk_of(ALL + b"\x1a\x07\x08\x04\x12\x03abc")
