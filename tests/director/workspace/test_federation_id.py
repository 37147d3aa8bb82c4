"""Ids as OpenFL 1.6 computes them: every expectation was printed by its `Plan.parse`."""

import pytest

from director.workspace import aggregator_id, federation_id

BASE = """\
network: {settings: {agg_addr: h, agg_port: 1}}
aggregator: {settings: {rounds_to_train: 2}}
"""

OBSERVED = [
    (BASE, "7a8eb822"),
    (BASE + "a: {x: 1}\n", "87e63ee4"),
    (BASE + "b: {settings:}\n", "9d97d056"),
    (BASE + "b: {settings: []}\n", "f8a6f253"),
    (BASE + "d: {n: 'Ärzte 病院 🏥'}\n", "f31d1e16"),
    (BASE + "d: {n: 2024-01-02, t: 2024-01-02T03:04:05Z}\n", "081daf54"),
    (BASE + "d: {n: &x {a: 1}, m: *x}\n", "def792c3"),
    (BASE + "a: &x {b: 1}\nc: *x\n", "4be2aacd"),
    (BASE + "d: {1: 2, 3: 4}\n", "0bdd1252"),
    (BASE + "d: {1: 2, b: 4}\n", "672d77d0"),
    (
        BASE + "d: {on: yes, f: 1.5, g: 1e3, h: .inf, n: .nan, o: 0o17, p: 017, s: 12:30}\n",
        "d45dedf3",
    ),
    (BASE + "d: {n: '" + "word " * 30 + "'}\n", "df4f25b6"),
    (BASE + "d: {n: \"a\\nb\", k: '  lead'}\n", "eab0fae3"),
    (BASE + "d: {n: !!set {a, b}}\n", "8c46c763"),
    (BASE + "d: {n: !!binary aGVsbG8=}\n", "ae01016e"),
    (BASE + "d: {a: 1, a: 2}\n", "d55d03a1"),
    ("\ufeff" + BASE, "7a8eb822"),
    ("---\n" + BASE + "...\n", "7a8eb822"),
    (BASE + "base: &b {p: 1}\nd: {<<: *b, q: 2}\n", "2e690cf1"),
    (BASE + "tasks: {train: {function: f, kwargs: {e: 1}}}\n", "5c957fd0"),
    (BASE.replace("agg_port: 1", "agg_port: 50051, hash_salt: abc, tls: false"), "e1b06e09"),
]


@pytest.mark.parametrize(("plan", "digest"), OBSERVED)
def test_a_federation_is_named_as_openfl_names_it(plan: str, digest: str) -> None:
    assert federation_id(plan) == f"plan.yaml_{digest}"


def test_an_aggregator_is_named_after_its_federation() -> None:
    assert aggregator_id("plan.yaml_7a8eb822") == "aggregator_plan.yaml_7a8eb822"
