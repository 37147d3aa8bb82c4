"""Who is registered, who counts as present, and who is told of it."""

from dataclasses import replace

import pytest

from director.core.events import CollaboratorCalled, HeartbeatReceived, ShardReported
from director.core.model import Device, EnvoyName, Shard
from director.core.queries import envoy_views
from director.core.rules import Rules
from director.errors import (
    DirectorError,
    InvalidNameError,
    InvalidShardError,
    LimitExceededError,
    UnknownEnvoyError,
)
from tests.director.core.federations import MRI, A, B, registered, shard, submission, wait

# ---------------------------------------------------------------- registry and presence


def test_an_envoy_is_listed_once_with_its_latest_shard() -> None:
    federation = registered(A, B)

    federation.handle(ShardReported(shard=replace(shard(A), description="new")), 5.0)

    views = envoy_views(federation, 5.0, viewer="alice")
    assert [(view.shard.envoy, view.shard.description) for view in views] == [
        ("a", "new"),
        ("b", ""),
    ]


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        (replace(shard(), sample_shape=("2",)), InvalidShardError),
        (replace(shard(), target_shape=()), InvalidShardError),
        (shard(EnvoyName("")), InvalidShardError),
        (shard(EnvoyName("../x")), InvalidNameError),
        (replace(shard(), description="x" * 65_537), LimitExceededError),
        (replace(shard(), devices=(Device(),) * 1_025), LimitExceededError),
        (replace(shard(), devices=(Device(name="x" * 65_537),)), LimitExceededError),
        (replace(shard(), devices=(Device(name="x" * 1_000),) * 100), LimitExceededError),
        (
            replace(shard(), devices=(Device(name="\N{GRINNING FACE}" * 250),) * 100),
            LimitExceededError,
        ),
    ],
)
def test_a_shard_that_cannot_be_kept_is_refused(bad: Shard, refusal: type[DirectorError]) -> None:
    federation = registered()

    with pytest.raises(refusal):
        federation.handle(ShardReported(shard=bad), 0.0)

    assert envoy_views(federation, 0.0, viewer="alice") == []


def test_the_registry_has_a_limit_that_known_envoys_do_not_meet() -> None:
    federation = registered(A, rules=Rules(max_envoys=1))

    federation.handle(ShardReported(shard=shard(A)), 1.0)

    with pytest.raises(LimitExceededError, match="1 envoys"):
        federation.handle(ShardReported(shard=shard(B)), 1.0)


def test_presence_ends_two_periods_after_the_last_sign_of_life() -> None:
    federation = registered(A, rules=Rules(heartbeat_period_s=10))

    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=True), 7.0)

    online = [
        envoy_views(federation, now, viewer="alice")[0].is_online for now in (7.0, 26.9, 27.0)
    ]
    assert online == [True, True, False]


def test_every_kind_of_call_by_an_envoy_is_a_sign_of_life() -> None:
    federation = registered(A)

    seen = []
    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=False), 1.0)
    seen.append(envoy_views(federation, 0.0, viewer="alice")[0].seen_at)
    wait(federation, 1, now=2.0)
    seen.append(envoy_views(federation, 0.0, viewer="alice")[0].seen_at)
    federation.handle(CollaboratorCalled(experiment=None, collaborator=A), 3.0)
    seen.append(envoy_views(federation, 0.0, viewer="alice")[0].seen_at)

    assert seen == [1.0, 2.0, 3.0]


def test_a_clock_that_steps_back_does_not_take_presence_away() -> None:
    federation = registered(A)
    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=False), 50.0)

    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=False), 20.0)

    assert envoy_views(federation, 50.0, viewer="alice")[0].seen_at == 50.0


def test_a_heartbeat_brings_what_the_envoy_does_and_its_devices() -> None:
    federation = registered(A)
    busy = Device(index=0, device_utilization="99 %")

    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=True, devices=(busy,)), 1.0)
    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=True), 2.0)

    [view] = envoy_views(federation, 2.0, viewer="alice")
    assert view.is_experiment_running
    assert view.shard.devices == (busy,)


def test_a_heartbeat_does_not_bring_more_than_may_be_registered() -> None:
    federation = registered()
    largest = replace(shard(), description="x" * 65_536, devices=(Device(name="x" * 32_704),))
    federation.handle(ShardReported(shard=largest), 1.0)
    one_byte_more = HeartbeatReceived(
        envoy=A, is_experiment_running=True, devices=(Device(name="x" * 32_705),)
    )

    with pytest.raises(LimitExceededError, match="98304 bytes"):
        federation.handle(one_byte_more, 2.0)

    [view] = envoy_views(federation, 2.0, viewer="alice")
    assert view.shard == largest


def test_a_new_registration_begins_afresh() -> None:
    federation = registered(A)
    federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=True), 1.0)

    federation.handle(ShardReported(shard=shard()), 2.0)

    assert not envoy_views(federation, 2.0, viewer="alice")[0].is_experiment_running


def test_strangers_have_to_register_first() -> None:
    federation = registered()

    with pytest.raises(UnknownEnvoyError):
        federation.handle(HeartbeatReceived(envoy=A, is_experiment_running=False), 1.0)
    with pytest.raises(UnknownEnvoyError):
        wait(federation, 1)


# ---------------------------------------------------------------- coming back


def test_what_an_envoy_works_on_is_told_to_its_owner_alone() -> None:
    federation = registered(A)
    federation.handle(submission(owner="alice"), 1.0)
    wait(federation, 1)

    told = {
        viewer: envoy_views(federation, 2.0, viewer=viewer)[0].experiment
        for viewer in ("alice", "bob")
    }

    assert told == {"alice": MRI, "bob": None}
