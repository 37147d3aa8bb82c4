"""What envoys say of themselves."""

from simulator.actors.names import Names
from simulator.actors.shard import ShardSpec


def shard(names: Names, envoy: str) -> ShardSpec:
    return names.shard(envoy, sample_shape=("32", "32"), target_shape=("10",))


def test_the_same_seed_invents_the_same_hospital() -> None:
    assert shard(Names(42), "hospital-01") == shard(Names(42), "hospital-01")


def test_nobodys_hospital_depends_on_who_else_there_is() -> None:
    alone, after_others = Names(42), Names(42)
    shard(after_others, "hospital-07")

    assert shard(after_others, "hospital-01") == shard(alone, "hospital-01")


def test_another_seed_and_another_envoy_invent_others() -> None:
    names = Names(42)

    assert shard(names, "hospital-01") != shard(names, "hospital-02")
    assert shard(names, "hospital-01") != shard(Names(43), "hospital-01")


def test_names_are_pinned() -> None:
    found = shard(Names(42), "hospital-01")

    assert found.description == "Knee X-rays of the Lopez Hospital, Garrisonborough, since 2005"
    assert found.n_samples == 50


def test_a_shard_is_registered_with_all_that_it_has() -> None:
    found = shard(Names(42), "hospital-01")
    proto = found.as_proto()

    assert proto.node_info.name == "hospital-01"
    assert proto.n_samples == found.n_samples
    assert tuple(proto.sample_shape) == ("32", "32")
    assert [device.name for device in proto.node_info.cuda_devices] == [
        device.name for device in found.devices
    ]


def test_some_hospitals_have_accelerators_and_some_have_none() -> None:
    names = Names(42)
    counts = {len(shard(names, f"hospital-{index:02}").devices) for index in range(40)}

    assert counts == {0, 1, 2}
