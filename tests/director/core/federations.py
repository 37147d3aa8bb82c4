"""A federation to test with: envoys, submissions, and what comes of them."""

from director.core.effects import Deliver, Effect
from director.core.events import ExperimentSubmitted, ShardReported, WaitOpened
from director.core.federation import Federation
from director.core.lifecycle import Status
from director.core.model import (
    BlobId,
    EnvoyName,
    ExperimentId,
    ExperimentName,
    Plan,
    Shard,
    Task,
    WaitId,
)
from director.core.rules import Rules

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
