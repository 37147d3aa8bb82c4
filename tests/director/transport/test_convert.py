"""What becomes of values on their way to the wire, and of messages on their way from it."""

from dataclasses import replace

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, strategies as st

from director.core.model import Device, EncodedTensor, EnvoyName, ExperimentName, Shard, Transformer
from director.core.queries import EnvoyView
from director.core.registry import Registry
from director.core.rules import Rules
from director.core.tensors import MAX_DIMENSIONS, MAX_TENSORS
from director.settings import Limits
from director.transport.convert import EnvoyList, set_seconds, shard_from, shard_message
from director.transport.tensors import tensor_message, tensors_from
from protos import base_pb2

texts = st.text(st.characters(codec="utf-8"), max_size=20)
u64 = st.integers(0, 2**64 - 1)
i32 = st.integers(-(2**31), 2**31 - 1)
devices = st.builds(
    Device,
    index=u64,
    memory_total=u64,
    memory_utilized=u64,
    device_utilization=texts,
    cuda_driver_version=texts,
    cuda_version=texts,
    name=texts,
)
shards = st.builds(
    Shard,
    envoy=texts.map(EnvoyName),
    description=texts,
    n_samples=u64,
    sample_shape=st.lists(texts, max_size=3).map(tuple),
    target_shape=st.lists(texts, max_size=3).map(tuple),
    devices=st.lists(devices, max_size=3).map(tuple),
)
tensors = st.builds(
    EncodedTensor,
    name=texts,
    round_number=i32,
    lossless=st.booleans(),
    report=st.booleans(),
    tags=st.lists(texts, max_size=3).map(tuple),
    transformers=st.lists(
        st.builds(
            Transformer,
            int_to_float=st.dictionaries(i32, st.floats(width=32, allow_nan=False), max_size=3),
            int_list=st.lists(i32, max_size=3).map(tuple),
            bool_list=st.lists(st.booleans(), max_size=3).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    content=st.binary(max_size=20),
)
views = st.builds(
    EnvoyView,
    shard=shards,
    is_online=st.booleans(),
    is_experiment_running=st.booleans(),
    seen_at=st.floats(0, 4e9),
    valid_s=st.sampled_from([2.0, 120.0, 0.5]),
    experiment=st.none() | texts.map(ExperimentName),
)


def seconds_of(message: Duration | Timestamp) -> float:
    return message.seconds + message.nanos / 1e9


@given(shards)
def test_a_shard_survives_the_way_to_the_wire_and_back(shard: Shard) -> None:
    assert shard_from(shard_message(shard), Limits()) == shard


@pytest.mark.parametrize("count", [2, 1_024])
def test_ten_thousand_envoys_that_say_all_they_may_are_listed_in_one_answer(count: int) -> None:
    rules = Rules()
    each, rest = divmod(rules.max_shard_bytes, count)
    most = 2**64 - 1
    device = Device(
        index=most, memory_total=most, memory_utilized=most, cuda_version="x" * (each - 64)
    )
    shard = Shard(envoy=EnvoyName("a" * 128), description="x" * rest, devices=(device,) * count)
    Registry(rules).check_shard(replace(shard, sample_shape=("1",), target_shape=("1",)))

    message = shard_message(shard)

    assert message.ByteSize() * 10_000 < 2**30


@given(tensors)
def test_a_tensor_survives_the_way_to_the_wire_and_back(tensor: EncodedTensor) -> None:
    assert tensors_from([tensor_message(tensor)]) == (tensor,)


def test_of_far_too_many_tensors_no_more_are_read_than_show_it() -> None:
    message = base_pb2.NamedTensor(
        name="w", transformer_metadata=[base_pb2.MetadataProto(int_list=range(1_000))]
    )

    read = tensors_from(message for _ in range(1_000_000))

    assert len(read) == MAX_TENSORS + 1
    assert len(read[0].transformers[0].int_list) == MAX_DIMENSIONS + 1


@pytest.mark.parametrize(
    ("seconds", "whole", "nanos"), [(60, 60, 0), (1.5, 1, 500_000_000), (0.25, 0, 250_000_000)]
)
def test_a_duration_is_told_to_the_nanosecond(seconds: float, whole: int, nanos: int) -> None:
    message = Duration()

    set_seconds(message, seconds)

    assert (message.seconds, message.nanos) == (whole, nanos)


@given(st.lists(st.lists(views, max_size=4, unique_by=lambda view: view.shard.envoy), max_size=4))
def test_what_is_remembered_of_envoys_never_shows_in_a_list(lists: list[list[EnvoyView]]) -> None:
    remembering = EnvoyList()

    for listed in lists:
        response = remembering.response(listed)

        assert response.envoy_infos == EnvoyList().response(listed).envoy_infos
        for info, view in zip(response.envoy_infos, listed, strict=True):
            assert shard_from(info.shard_info, Limits()) == view.shard
            assert info.is_online == view.is_online
            assert info.is_experiment_running == view.is_experiment_running
            assert seconds_of(info.valid_duration) == view.valid_s
            assert info.experiment_name == (view.experiment or "")
            assert seconds_of(info.last_updated) == pytest.approx(view.seen_at, abs=1e-6)


def test_a_changed_answer_does_not_change_the_next() -> None:
    remembering = EnvoyList()
    view = EnvoyView(
        shard=Shard(envoy=EnvoyName("env-1")),
        is_online=True,
        is_experiment_running=False,
        seen_at=1.0,
        valid_s=120.0,
        experiment=None,
    )
    first = remembering.response([view])

    first.envoy_infos[0].shard_info.node_info.name = "another"

    (info,) = remembering.response([view]).envoy_infos
    assert info.shard_info.node_info.name == "env-1"


def test_an_equal_shard_is_as_good_as_the_same() -> None:
    remembering = EnvoyList()

    for _ in range(2):
        view = EnvoyView(
            shard=Shard(envoy=EnvoyName("env-1"), devices=(Device(name="A100"),)),
            is_online=False,
            is_experiment_running=False,
            seen_at=1.0,
            valid_s=120.0,
            experiment=None,
        )

        (info,) = remembering.response([view]).envoy_infos

        assert shard_from(info.shard_info, Limits()) == view.shard
