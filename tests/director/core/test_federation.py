"""What the federation decides, one rule at a time."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from director.core.effects import (
    Deliver,
    Discard,
    Disregard,
    Effect,
    EndWait,
    Release,
    Review,
    StartRun,
    StopRun,
)
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
    Durable,
    ExperimentRemoved,
    ExperimentReviewed,
    ExperimentSubmitted,
    FailureReported,
    HeartbeatReceived,
    RunFailed,
    RunFinished,
    ShardReported,
    WaitClosed,
    WaitOpened,
)
from director.core.federation import Federation
from director.core.lifecycle import Status
from director.core.model import (
    BlobId,
    Device,
    EnvoyName,
    ExperimentId,
    ExperimentName,
    Plan,
    Shard,
    Task,
    WaitId,
)
from director.core.queries import RunView, envoy_views, experiment_view
from director.core.rules import Rules
from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    InvalidNameError,
    InvalidShardError,
    InvalidUploadError,
    LimitExceededError,
    UnknownEnvoyError,
    UnknownExperimentError,
)

PLAN = Plan(rounds=3, tasks=(Task(name="train", function_name="fit", task_type="train"),))
A, B = EnvoyName("a"), EnvoyName("b")
MRI, CT = ExperimentName("brain-mri"), ExperimentName("lung-ct")


def shard(envoy: EnvoyName = A) -> Shard:
    return Shard(envoy=envoy, sample_shape=("1",), target_shape=("1",))


def registered(*envoys: EnvoyName, rules: Rules | None = None) -> Federation:
    federation = Federation(rules or Rules())
    for envoy in envoys:
        federation.handle(ShardReported(shard=shard(envoy)), 0.0)
    return federation


def submission(
    name: ExperimentName = MRI,
    *collaborators: EnvoyName,
    owner: str = "alice",
    needs_review: bool = False,
) -> ExperimentSubmitted:
    return ExperimentSubmitted(
        name=name,
        owner=owner,
        collaborators=collaborators or (A,),
        plan=PLAN,
        archive=BlobId(f"archive of {name}"),
        model=BlobId(f"model of {name}"),
        needs_review=needs_review,
    )


def wait(
    federation: Federation,
    number: int,
    envoy: EnvoyName = A,
    connection: str = "1",
    now: float = 1.0,
) -> list[Effect]:
    event = WaitOpened(wait=WaitId(number), envoy=envoy, connection=connection)
    return list(federation.handle(event, now))


def deliver(number: int, name: ExperimentName = MRI) -> Deliver:
    return Deliver(wait=WaitId(number), experiment=name)


def deliveries(effects: object) -> list[Deliver]:
    assert isinstance(effects, list | tuple)
    return [effect for effect in effects if isinstance(effect, Deliver)]


def id_of(federation: Federation, name: ExperimentName = MRI) -> ExperimentId:
    experiment = federation.catalogue.named(name)
    assert experiment is not None
    return experiment.id


def status_of(federation: Federation, name: ExperimentName = MRI) -> Status:
    experiment = federation.catalogue.named(name)
    assert experiment is not None
    return experiment.status


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


# ---------------------------------------------------------------- deliveries


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


# ---------------------------------------------------------------- submissions


@pytest.mark.parametrize(
    "name", ["", "x" * 129, "../x", "a/b", "a\\b", ".", "..", "a\n", " a", "\ud800"]
)
def test_a_name_that_is_not_safe_is_refused(name: str) -> None:
    federation = registered(A)

    with pytest.raises(InvalidNameError, match="experiment name"):
        federation.handle(submission(ExperimentName(name)), 1.0)
    with pytest.raises(InvalidNameError, match="collaborator name"):
        federation.handle(submission(MRI, EnvoyName(name)), 1.0)

    assert len(federation.catalogue) == 0


def test_a_refused_name_can_be_told_to_anybody() -> None:
    federation = registered(A)

    with pytest.raises(InvalidNameError) as refusal:
        federation.handle(submission(ExperimentName("\ud800" * 1_000)), 1.0)

    assert len(str(refusal.value).encode()) < 500


def test_an_experiment_needs_different_collaborators() -> None:
    federation = registered(A)

    with pytest.raises(InvalidUploadError, match="twice"):
        federation.handle(submission(MRI, A, A), 1.0)
    with pytest.raises(InvalidUploadError, match="no collaborators"):
        federation.handle(replace(submission(), collaborators=()), 1.0)


def test_an_experiment_may_have_only_so_many_collaborators() -> None:
    federation = registered(rules=Rules(max_collaborators=1))

    with pytest.raises(InvalidUploadError, match="more than 1 collaborators"):
        federation.handle(submission(MRI, A, B), 1.0)


@pytest.mark.parametrize("owner", ["alice", "mallory"])
def test_a_name_in_use_is_not_taken_over(owner: str) -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)

    with pytest.raises(DuplicateExperimentError):
        federation.handle(submission(owner=owner), 2.0)
    with pytest.raises(DuplicateExperimentError):
        federation.apply(submission(owner=owner), 2.0)

    assert federation.catalogue.owned(MRI, "alice").status is Status.IN_PROGRESS


def test_an_owner_and_the_director_have_room_for_only_so_many() -> None:
    federation = registered(A, rules=Rules(max_experiments_per_owner=1, max_experiments=2))
    federation.handle(submission(MRI), 1.0)

    with pytest.raises(LimitExceededError, match="you have 1 experiments"):
        federation.handle(submission(CT), 1.0)
    federation.handle(submission(CT, owner="bob"), 1.0)
    with pytest.raises(LimitExceededError, match="holds 2 experiments"):
        federation.handle(submission(ExperimentName("third"), owner="carol"), 1.0)


def test_limits_do_not_count_for_what_was_accepted_before() -> None:
    federation = registered(A, rules=Rules(max_experiments=0))

    federation.apply(submission(), 1.0)

    assert status_of(federation) is Status.IN_PROGRESS


# ---------------------------------------------------------------- the life of an experiment


def test_experiments_run_side_by_side_up_to_the_limit_then_in_turn() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=1))
    federation.handle(submission(MRI), 1.0)
    assert federation.handle(submission(CT), 1.0) == []

    effects = federation.handle(RunFinished(experiment=id_of(federation, MRI)), 2.0)

    assert [type(effect) for effect in effects] == [StopRun, Release, StartRun]
    assert (status_of(federation, MRI), status_of(federation, CT)) == ("finished", "in_progress")


def test_an_owner_runs_no_more_than_it_leaves_room_for() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=8))
    names = [ExperimentName(f"{owner}-{number}") for owner in "abc" for number in range(6)]

    for name in names:
        federation.handle(submission(name, owner=name[0]), 1.0)

    running = Counter(experiment.owner for experiment in federation.catalogue.running)
    assert running == {"a": 4, "b": 2, "c": 1}


def test_a_place_that_gets_free_goes_to_whoever_has_the_fewest() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=2))
    names = [ExperimentName(f"{owner}-{number}") for number in range(2) for owner in "abc"]
    for name in names:
        federation.handle(submission(name, owner=name[0]), 1.0)
    assert [held.name for held in federation.catalogue.running] == ["a-0", "b-0"]

    federation.handle(RunFinished(experiment=id_of(federation, names[0])), 2.0)
    federation.handle(RunFinished(experiment=id_of(federation, names[1])), 3.0)

    assert [held.name for held in federation.catalogue.running] == ["c-0", "a-1"]


def test_a_journal_from_before_owners_shared_is_replayed_as_it_was() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=4))
    names = [ExperimentName(f"x-{number}") for number in range(6)]

    for name in names:
        federation.apply(replace(submission(name), is_shared=False), 1.0)
    federation.apply(RunFinished(experiment=id_of(federation, names[0])), 2.0)
    running = [held.name for held in federation.catalogue.running]
    federation.apply(submission(CT), 3.0)
    federation.apply(RunFinished(experiment=id_of(federation, names[1])), 4.0)

    assert running == names[1:5]
    assert [held.name for held in federation.catalogue.running] == names[2:5]


def test_a_review_comes_before_the_start() -> None:
    federation = registered(A)
    wait(federation, 1)

    [review] = federation.handle(submission(needs_review=True), 1.0)
    assert isinstance(review, Review)
    assert status_of(federation) is Status.PENDING
    approval = ExperimentReviewed(experiment=review.experiment, is_approved=True)
    effects = federation.handle(approval, 2.0)

    assert deliveries(effects) == [deliver(1)]
    assert federation.handle(approval, 3.0) == ()


def test_a_rejected_experiment_never_runs() -> None:
    federation = registered(A)
    [review] = federation.handle(submission(needs_review=True), 1.0)
    assert isinstance(review, Review)

    effects = federation.handle(
        ExperimentReviewed(experiment=review.experiment, is_approved=False, reason="no"), 2.0
    )
    federation.handle(ExperimentReviewed(experiment=review.experiment, is_approved=True), 3.0)

    assert [type(effect) for effect in effects] == [StopRun, Release]
    view = experiment_view(federation.catalogue.owned(MRI, "alice"), RunView())
    assert (view.status, view.reason) == (Status.REJECTED, "no")
    assert wait(federation, 1) == []


Ending = Callable[[ExperimentId], RunFinished | RunFailed | FailureReported]
ENDINGS: list[Ending] = [
    lambda experiment: RunFinished(experiment=experiment),
    lambda experiment: RunFailed(experiment=experiment, reason="the archive is damaged"),
    lambda _: FailureReported(experiment=MRI, collaborator=A),
]


@pytest.mark.parametrize("second", ENDINGS)
@pytest.mark.parametrize("first", ENDINGS)
def test_an_ended_experiment_stays_as_it_ended(first: Ending, second: Ending) -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)
    experiment = id_of(federation)
    federation.handle(first(experiment), 2.0)
    before = experiment_view(federation.catalogue.owned(MRI, "alice"), RunView())

    effects = federation.handle(second(experiment), 3.0)

    assert all(isinstance(effect, Disregard) for effect in effects)
    assert experiment_view(federation.catalogue.owned(MRI, "alice"), RunView()) == before
    assert wait(federation, 1) == []


@pytest.mark.parametrize("event", ENDINGS)
def test_what_never_started_cannot_end(event: Ending) -> None:
    federation = registered(A)
    federation.handle(submission(needs_review=True), 1.0)

    federation.handle(event(id_of(federation)), 2.0)

    assert status_of(federation) is Status.PENDING


def test_a_participant_can_fail_its_experiment() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A, B), 1.0)

    effects = federation.handle(
        FailureReported(experiment=MRI, collaborator=B, code=7, description="no memory"), 2.0
    )

    assert [type(effect) for effect in effects] == [StopRun, Release]
    failed = federation.catalogue.owned(MRI, "alice")
    assert failed.status is Status.FAILED
    assert failed.reason == "b reported a failure (code 7): no memory"


@pytest.mark.parametrize(
    ("name", "collaborator", "reason"),
    [
        (CT, A, "there is no such experiment"),
        (MRI, B, "its sender has no part in the experiment"),
        (ExperimentName("waiting"), A, "the experiment is pending"),
    ],
)
def test_a_failure_report_by_anybody_else_changes_nothing(
    name: ExperimentName, collaborator: EnvoyName, reason: str
) -> None:
    federation = registered(A, B)
    federation.handle(submission(), 1.0)
    federation.handle(submission(ExperimentName("waiting"), needs_review=True), 1.0)

    effects = federation.handle(FailureReported(experiment=name, collaborator=collaborator), 2.0)

    assert effects == (Disregard(experiment=name, collaborator=collaborator, reason=reason),)
    assert status_of(federation) is Status.IN_PROGRESS


def test_a_failure_report_about_a_removed_experiment_is_not_about_its_namesake() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)
    federation.handle(submission(MRI, A, B), 3.0)
    late, other = (FailureReported(experiment=MRI, collaborator=name) for name in (A, B))

    assert federation.why_disregard(late) == "it is about a removed experiment of the same name"
    assert federation.why_disregard(other) is None


@pytest.mark.parametrize("how", ["handed out", "fetched", "called"])
def test_whoever_has_heard_of_the_namesake_may_fail_it(how: str) -> None:
    federation = registered(A)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)
    federation.handle(submission(MRI, A), 3.0)
    namesake = id_of(federation)

    match how:
        case "handed out":
            wait(federation, 1)
        case "fetched":
            federation.handle(
                ArchiveFetched(experiment=namesake, collaborator=A, connection="1"), 4.0
            )
        case _:
            federation.handle(CollaboratorCalled(experiment=namesake, collaborator=A), 4.0)

    assert federation.why_disregard(FailureReported(experiment=MRI, collaborator=A)) is None


# ---------------------------------------------------------------- removal and archives


def test_only_its_owner_can_remove_an_experiment() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)

    with pytest.raises(UnknownExperimentError) as foreign:
        federation.handle(ExperimentRemoved(name=MRI, owner="mallory"), 2.0)
    with pytest.raises(UnknownExperimentError) as absent:
        federation.handle(ExperimentRemoved(name=CT, owner="mallory"), 2.0)

    assert str(foreign.value).replace(MRI, CT) == str(absent.value)
    assert status_of(federation) is Status.IN_PROGRESS


def test_a_removed_experiment_leaves_nothing_and_frees_its_name_and_its_turn() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=1))
    federation.handle(submission(), 1.0)
    federation.handle(submission(CT), 1.0)
    old = id_of(federation)

    effects = federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)

    assert [type(effect) for effect in effects] == [StopRun, Release, Discard, StartRun]
    assert federation.blobs() == ("archive of lung-ct", "model of lung-ct")
    federation.handle(submission(owner="bob"), 3.0)
    assert id_of(federation) != old
    federation.handle(RunFinished(experiment=old), 4.0)
    federation.handle(CollaboratorCalled(experiment=old, collaborator=A), 4.0)
    assert status_of(federation) is Status.PENDING


def test_an_envoy_is_not_said_to_be_at_an_experiment_that_is_gone() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)
    wait(federation, 1)
    assert envoy_views(federation, 1.0, viewer="alice")[0].experiment == MRI

    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)

    assert envoy_views(federation, 2.0, viewer="alice")[0].experiment is None


def test_what_is_removed_before_its_start_was_never_there() -> None:
    federation = registered(A)
    federation.handle(submission(needs_review=True), 1.0)

    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)

    with pytest.raises(UnknownExperimentError):
        federation.handed_out(MRI, A)


def test_the_blobs_of_an_ended_experiment_are_let_go_once() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)

    ended = federation.handle(RunFinished(experiment=id_of(federation)), 2.0)
    removed = federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 3.0)

    released = [effect for effect in (*ended, *removed) if isinstance(effect, Release)]
    assert released == [
        Release(blobs=(BlobId("archive of brain-mri"), BlobId("model of brain-mri")))
    ]


def test_an_archive_is_for_participants_of_what_has_started() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(submission(CT, A, needs_review=True), 1.0)

    assert federation.handed_out(MRI, A) == id_of(federation)
    for name, collaborator in ((MRI, B), (CT, A), (ExperimentName("none"), A)):
        with pytest.raises(UnknownExperimentError):
            federation.handed_out(name, collaborator)


def test_a_participant_is_told_that_an_experiment_is_over_and_not_that_it_never_was() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(submission(CT, A), 1.0)

    federation.handle(RunFinished(experiment=id_of(federation, MRI)), 2.0)
    federation.handle(ExperimentRemoved(name=CT, owner="alice"), 2.0)

    assert federation.handed_out(MRI, A) is None
    assert federation.handed_out(CT, A) is None
    with pytest.raises(UnknownExperimentError):
        federation.handed_out(CT, B)


def test_removals_are_not_remembered_without_bound() -> None:
    federation = registered(A)

    for number in range(1_030):
        name = ExperimentName(f"experiment-{number}")
        federation.handle(submission(name), 1.0)
        federation.handle(ExperimentRemoved(name=name, owner="alice"), 1.0)

    assert len(federation.catalogue._removed) == 1_024
    assert federation.handed_out(ExperimentName("experiment-1029"), A) is None


def test_an_answer_under_way_is_stopped_when_its_experiment_has_ended() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)
    assert federation.is_deliverable(MRI, A)
    assert not federation.is_deliverable(MRI, B)

    federation.handle(RunFinished(experiment=id_of(federation)), 2.0)

    assert not federation.is_deliverable(MRI, A)
    assert not federation.is_deliverable(CT, A)


# ---------------------------------------------------------------- coming back


def test_applying_the_durable_events_again_gives_the_same_federation() -> None:
    events: list[Durable] = [
        ShardReported(shard=shard(A)),
        submission(MRI),
        submission(CT, needs_review=True),
        submission(ExperimentName("done")),
    ]
    before = registered()
    for event in events:
        before.handle(event, 1.0)
    over = RunFinished(experiment=id_of(before, ExperimentName("done")))
    before.handle(over, 2.0)

    after = registered()
    for event in (*events, over):
        after.apply(event, 1.0 if event is not over else 2.0)

    assert envoy_views(after, 2.0, viewer="alice") == envoy_views(before, 2.0, viewer="alice")
    assert list(after.catalogue) == list(before.catalogue)
    assert [type(effect) for effect in after.resume(5.0)] == [StartRun, Review]
    assert after.blobs() == before.blobs()
    assert repr(after) == "<Federation: 1 envoys, 3 experiments>"


def test_what_an_envoy_works_on_is_told_to_its_owner_alone() -> None:
    federation = registered(A)
    federation.handle(submission(owner="alice"), 1.0)
    wait(federation, 1)

    told = {
        viewer: envoy_views(federation, 2.0, viewer=viewer)[0].experiment
        for viewer in ("alice", "bob")
    }

    assert told == {"alice": MRI, "bob": None}
