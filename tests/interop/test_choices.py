"""What an operator may choose: the way to average, the ports, and to load what users bring."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.federation import RUN_S, SHARDS, TASKS, Federation, federation
from tests.interop.learning import Adam, Coasting, Training, expected, median
from tests.interop.make_environment import PYTHON
from tests.interop.outcomes import assert_as_expected

pytestmark = pytest.mark.interop
may_crash = pytest.mark.xfail(
    raises=AssertionError,
    strict=False,
    reason="OpenFL's interpreter ends with a segmentation fault now and then",
)


@pytest.fixture(scope="module", params=["plaintext", "mtls"])
def there(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> Iterator[Federation]:
    """A federation whose operator has chosen."""
    folder = tmp_path_factory.mktemp(f"choices-{request.param}")
    shown = certificates if request.param == "mtls" else None
    settings = {
        "aggregation": "median",
        "aggregator_port": "plan",
        "load_pickled_code": True,
        "pickled_code": {"python": str(PYTHON)},
    }
    with federation(folder, certificates=shown, **settings) as running:
        running.start_envoys(*SHARDS)
        yield running


def test_the_median_over_a_port_of_the_plans_own(there: Federation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    envoy = there.envoy("env-1")
    began = envoy.printed
    pending = there.frontend("alice").submit(
        "own-port", task="fit_slowly", rounds=2, settings={"network.settings.agg_port": port}
    )

    envoy.saw(TASKS, since=began)
    followed = there.plan_at("env-1", "own-port")["network"]["settings"]["agg_port"]
    socket.create_connection(("127.0.0.1", port)).close()

    assert followed == port != there.port
    answer = pending.answer(within_s=RUN_S)
    assert_as_expected(answer, expected(SHARDS, Training(rounds=2, combine=median)))


@may_crash
def test_a_function_of_the_users_own(there: Federation) -> None:
    answer = there.frontend("alice").run("own-function", aggregation="own", rounds=2)

    assert_as_expected(answer, expected(SHARDS, Training(rounds=2, learns=Coasting)))
    there.director.saw("loading the aggregation functions of fit, which 'alice' has pickled")


@may_crash
def test_an_adaptive_function_of_openfls(there: Federation) -> None:
    answer = there.frontend("alice").run("adam", aggregation="adam", rounds=2)

    # OpenFL counts in single precision, and we in double.
    wanted = expected(SHARDS, Training(rounds=2, learns=Adam))
    assert_as_expected(answer, wanted, rounding=1e-5)


@may_crash
def test_a_function_that_fails_is_told_to_its_user(there: Federation) -> None:
    answer = there.frontend("alice").run("broken-function", aggregation="broken")
    told = there.user("alice").call("get_experiment_description", name="broken-function").value

    reasons = {log["name"]: log["status"] for log in told["download_statuses"]["logs"]}
    assert answer.value["status"] == "failed"
    assert reasons["reason"] == (
        "round 1 could not be aggregated: the aggregation function 'Broken' of 'fit' failed on the"
        " tensor 'slope': RuntimeError: no such thing as an average"
    )
