"""Our Director killed in the middle of a run: OpenFL's programs go on where they were."""

from pathlib import Path

import pytest

from tests.interop.federation import RUN_S, SHARDS, TASKS, federation
from tests.interop.learning import Training, expected
from tests.interop.outcomes import assert_as_expected

pytestmark = pytest.mark.interop

PERIOD_S = 10


@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_a_run_survives_the_death_of_the_director(
    identity: str, certificates: Path, tmp_path: Path
) -> None:
    shown = certificates if identity == "mtls" else None
    # An envoy whose heartbeat met the outage lives on by its long polls alone.
    settings = {"envoy_health_check_period": PERIOD_S, "long_poll_s": PERIOD_S}
    with federation(tmp_path, certificates=shown, **settings) as there:
        there.start_envoys(*SHARDS)
        alice = there.frontend("alice")
        before = alice.run("before")
        envoy = there.envoy("env-1")
        began = envoy.printed
        across = alice.submit("across", task="fit_slowly", rounds=4)

        envoy.saw(TASKS, since=began)
        envoy.saw(TASKS, since=envoy.printed)
        there.director.kill()
        there.start_director()
        user = there.user("alice")
        metrics = user.begin("stream_metrics", experiment_name="across").answer(within_s=RUN_S)
        status = user.call("get_experiment_status", experiment_name="across")
        last = user.call("get_last_model", experiment_name="across")
        best = user.call("get_best_model", experiment_name="across")
        kept = user.call("get_last_model", experiment_name="before")
        after = alice.run("after")

    wanted = expected(SHARDS, Training(rounds=4))
    assert across.answer().code == "UNAVAILABLE"
    assert status.value == {"experiment_status": "finished"}
    assert (last.value, best.value) == (wanted.last, wanted.best)
    assert {
        (m["metric_origin"], m["task_name"], m["metric_name"], m["round"]): m["metric_value"]
        for m in metrics.value
    } == wanted.metrics
    assert kept.value == before.value["last"]
    assert after.value["collaborators"] == list(SHARDS)
    assert_as_expected(after, expected(SHARDS, Training()))
