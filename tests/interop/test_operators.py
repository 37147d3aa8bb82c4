"""What an operator sets for everybody's experiments."""

from pathlib import Path

import pytest

from tests.interop.averages import fed_adagrad, fed_adam, fed_yogi, median
from tests.interop.federation import SHARDS, federation
from tests.interop.learning import Training, expected
from tests.interop.outcomes import assert_as_expected

pytestmark = pytest.mark.interop

_SETTINGS = {
    "median": Training(rounds=2, combine=median),
    "fedadagrad": Training(rounds=2, learns=fed_adagrad),
    "fedadam": Training(rounds=2, learns=fed_adam),
    "fedyogi": Training(rounds=2, learns=fed_yogi),
}


def test_an_operator_chooses_how_experiments_are_aggregated(tmp_path: Path) -> None:
    with federation(tmp_path) as there:
        there.start_envoys(*SHARDS)
        alice = there.frontend("alice")

        for aggregation, training in _SETTINGS.items():
            there.director.stop()
            there.start_director(aggregation=aggregation)
            answer = alice.run(aggregation, rounds=training.rounds)

            # The moments are kept in single precision.
            assert_as_expected(answer, expected(SHARDS, training), rounding=1e-5)
