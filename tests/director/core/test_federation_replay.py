"""A federation is what its durable events make of it, however often they are applied."""

from director.core.effects import Review, StartRun
from director.core.events import Durable, RunFinished, ShardReported
from director.core.model import ExperimentName
from director.core.queries import envoy_views
from tests.director.core.federations import CT, MRI, A, id_of, registered, shard, submission


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
