"""Whom the federation tells of an experiment, how often, and on which long poll."""

import pytest

from director.core.effects import EndWait, StartRun
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
    ShardReported,
    WaitClosed,
)
from director.core.model import EnvoyName, WaitId
from director.core.queries import envoy_views
from director.core.rules import Rules
from director.errors import LimitExceededError
from tests.director.core.federations import (
    CT,
    MRI,
    A,
    B,
    deliver,
    deliveries,
    id_of,
    registered,
    shard,
    submission,
    wait,
)


def test_an_upload_wakes_its_waiting_collaborators_and_nobody_else() -> None:
    federation = registered(A, B)
    wait(federation, 1, A)
    wait(federation, 2, B)

    effects = federation.handle(submission(MRI, A, EnvoyName("never-seen")), 2.0)

    assert isinstance(effects[0], StartRun)
    assert deliveries(effects) == [deliver(1)]
    assert list(federation.registry.waits) == [2]


def test_an_envoy_gets_its_experiment_whenever_it_asks_until_it_has_it() -> None:
    federation = registered(A)
    federation.handle(submission(), 2.0)

    assert wait(federation, 1) == wait(federation, 1) == [deliver(1)]
    federation.handle(
        ArchiveFetched(experiment=id_of(federation), collaborator=A, connection="1"), 3.0
    )

    assert wait(federation, 2) == []


def test_a_download_that_led_to_nothing_is_taken_for_lost_after_a_period() -> None:
    federation = registered(A, rules=Rules(heartbeat_period_s=10))
    federation.handle(submission(), 2.0)
    wait(federation, 1)
    federation.handle(
        ArchiveFetched(experiment=id_of(federation), collaborator=A, connection="1"), 3.0
    )

    assert wait(federation, 2, now=12.9) == []
    assert wait(federation, 3, now=13.0) == [deliver(3)]


def test_a_reconnected_envoy_gets_its_experiment_again() -> None:
    federation = registered(A)
    federation.handle(submission(), 2.0)
    wait(federation, 1, connection="1")
    federation.handle(
        ArchiveFetched(experiment=id_of(federation), collaborator=A, connection="1"), 3.0
    )

    assert wait(federation, 2, connection="2") == [deliver(2)]


def test_an_envoy_that_registers_again_gets_its_experiment_again() -> None:
    federation = registered(A)
    federation.handle(submission(), 2.0)
    wait(federation, 1)
    federation.handle(
        ArchiveFetched(experiment=id_of(federation), collaborator=A, connection="1"), 3.0
    )

    federation.handle(ShardReported(shard=shard()), 4.0)

    assert wait(federation, 2) == [deliver(2)]


def test_what_was_downloaded_over_another_connection_is_not_handed_out_on_it() -> None:
    federation = registered(A)
    federation.handle(submission(), 2.0)
    wait(federation, 1, connection="1")
    federation.handle(
        ArchiveFetched(experiment=id_of(federation), collaborator=A, connection="2"), 3.0
    )

    assert wait(federation, 2, connection="2") == []
    assert wait(federation, 3, connection="1") == []


def test_whoever_asks_for_tasks_is_not_told_of_the_experiment_again() -> None:
    federation = registered(A)
    federation.handle(submission(), 2.0)
    wait(federation, 1)

    federation.handle(CollaboratorCalled(experiment=id_of(federation), collaborator=A), 3.0)

    assert wait(federation, 2) == []


def test_a_dismissed_collaborator_is_not_told_of_the_experiment_again() -> None:
    federation = registered(A)
    federation.handle(submission(), 2.0)

    federation.handle(CollaboratorDismissed(experiment=id_of(federation), collaborator=A), 3.0)

    assert wait(federation, 1, connection="9") == []
    assert envoy_views(federation, 3.0, viewer="alice")[0].experiment is None


def test_a_half_open_connection_does_not_swallow_a_delivery() -> None:
    federation = registered(A)
    wait(federation, 1, connection="dead")
    wait(federation, 2, connection="live")
    wait(federation, 3, connection="live")

    effects = federation.handle(submission(), 2.0)

    assert deliveries(effects) == [deliver(1), deliver(3)]
    assert list(federation.registry.waits) == [2]


def test_a_long_poll_that_is_gone_gets_nothing() -> None:
    federation = registered(A)
    wait(federation, 1)
    federation.handle(WaitClosed(wait=WaitId(1)), 1.0)
    federation.handle(WaitClosed(wait=WaitId(1)), 1.0)

    effects = federation.handle(submission(), 2.0)

    assert deliveries(effects) == []
    assert wait(federation, 2) == [deliver(2)]


def test_experiments_are_handed_out_one_by_one_in_the_order_of_their_start() -> None:
    federation = registered(A)
    wait(federation, 1)
    first = federation.handle(submission(MRI), 2.0)
    second = federation.handle(submission(CT), 3.0)

    assert (deliveries(first), deliveries(second)) == ([deliver(1)], [])
    assert wait(federation, 2) == [deliver(2, MRI)]
    federation.handle(
        ArchiveFetched(experiment=id_of(federation), collaborator=A, connection="1"), 4.0
    )
    assert wait(federation, 3) == [deliver(3, CT)]
    assert envoy_views(federation, 4.0, viewer="alice")[0].experiment == CT


def test_one_connection_may_hold_only_so_many_long_polls() -> None:
    federation = registered(A, rules=Rules(max_waits_per_envoy=2))
    wait(federation, 1)
    wait(federation, 2)

    with pytest.raises(LimitExceededError, match="2 long polls"):
        wait(federation, 3)

    assert list(federation.registry.waits) == [1, 2]


def test_long_polls_of_older_connections_give_way() -> None:
    federation = registered(A, rules=Rules(max_waits_per_envoy=2))
    wait(federation, 1, connection="dead")
    wait(federation, 2, connection="dead")

    assert wait(federation, 3, connection="live") == [EndWait(wait=WaitId(1))]
    assert list(federation.registry.waits) == [2, 3]


def test_an_envoy_that_keeps_reconnecting_is_not_remembered_without_bound() -> None:
    federation = registered(A)

    for connection in range(1_000):
        wait(federation, 1, connection=str(connection))
        federation.handle(WaitClosed(wait=WaitId(1)), 1.0)

    assert len(federation.registry.get(A)._epochs) == 64
