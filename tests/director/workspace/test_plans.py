"""What a plan may say: its text, its rounds and its address."""

import pytest

from director.core.model import Plan
from director.errors import InvalidArchiveError, LimitExceededError
from tests.director.workspace.archives import PLAN, reading, with_plan
from tests.director.workspace.plans import GLOBAL, LOCAL, ROUNDS, TRAIN, plan

TASKS = "tasks: {train: {function: f}}\n"


def test_the_smallest_plan_is_read() -> None:
    assert plan(PLAN) == Plan(rounds=3, tasks=(TRAIN, GLOBAL, LOCAL))


# ---------------------------------------------------------------- rounds


@pytest.mark.parametrize(("written", "meant"), [("1", 1), ("'7'", 7), (str(2**31 - 1), 2**31 - 1)])
def test_rounds_are_whole_numbers(written: str, meant: int) -> None:
    assert plan(PLAN.replace("rounds_to_train: 3", f"rounds_to_train: {written}")).rounds == meant


@pytest.mark.parametrize(
    "written", ["0", "-1", "1.5", "true", "null", "many", "[3]", "'²'", "2147483648", "9" * 50]
)
def test_other_rounds_are_refused(written: str) -> None:
    with pytest.raises(InvalidArchiveError, match="rounds_to_train"):
        plan(PLAN.replace("rounds_to_train: 3", f"rounds_to_train: {written}"))


@pytest.mark.parametrize("section", ["", "aggregator: {}\n", "aggregator: {settings:}\n"])
def test_a_plan_without_rounds_is_refused(section: str) -> None:
    with pytest.raises(InvalidArchiveError, match="rounds_to_train"):
        plan(section + TASKS)


# ---------------------------------------------------------------- the address


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("", (None, None)),
        ("network: {template: openfl.federation.Network}\n", (None, None)),
        ("network: {settings: {agg_addr: auto, agg_port: auto}}\n", (None, None)),
        ("network: {settings: {agg_addr: host, agg_port: 1}}\n", ("host", 1)),
        ("network: {settings: {agg_addr: '::1', agg_port: '65535'}}\n", ("::1", 65535)),
        ("network: {settings: {agg_addr: ''}}\n", (None, None)),
    ],
)
def test_the_address_is_found_where_the_plan_fixes_it(
    network: str, address: tuple[str | None, int | None]
) -> None:
    workspace = reading(with_plan(network + ROUNDS + TASKS))

    assert (workspace.agg_addr, workspace.agg_port) == address


@pytest.mark.parametrize(
    "settings",
    ["{agg_port: 0}", "{agg_port: 65536}", "{agg_port: true}", "{agg_port: x}", "{agg_addr: 1}"],
)
def test_what_is_no_address_is_refused(settings: str) -> None:
    with pytest.raises(InvalidArchiveError, match="agg_"):
        plan(f"network: {{settings: {settings}}}\n{ROUNDS}{TASKS}")


# ---------------------------------------------------------------- the text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("# only a comment", id="only a comment"),
        pytest.param("a: [", id="not closed"),
        pytest.param("a: 1\n--- \nb: 2", id="two documents"),
        pytest.param("just text", id="text"),
        pytest.param("[1, 2]", id="a list"),
        pytest.param("a: 1", id="a section that is a number"),
        pytest.param("a:", id="a section that is nothing"),
        pytest.param("7: {a: 1}", id="a section named by a number"),
        pytest.param("a: {x: !!python/object/apply:os.system [echo]}", id="a call"),
        pytest.param("a: {x: !!python/name:os.system }", id="an import"),
        pytest.param("a: {x: !own 1}", id="a tag of its own"),
        pytest.param("a: {x: !!int one}", id="an int that is none"),
        pytest.param("a: {x: !!bool perhaps}", id="a bool that is none"),
        pytest.param("a: {x: !!timestamp soon}", id="a time that is none"),
        pytest.param("a: {x: 2024-13-45}", id="an impossible date"),
        pytest.param("a: {x: 0x" + "f" * 5000 + "}", id="a number past printing"),
        pytest.param("a: {? [1] : 2}", id="a list for a key"),
        pytest.param("a: {x: !!omap [b: 1]}", id="tuples"),
        pytest.param("a: {x: !!set {b, c}}", id="a set"),
        pytest.param("a: &x {y: *x}", id="an alias of itself"),
        pytest.param("a: {y: *x}", id="an alias of nothing"),
        pytest.param('a: {x: "\x00"}', id="a null character"),
    ],
)
def test_what_is_not_plainly_a_mapping_of_sections_is_refused(text: str) -> None:
    with pytest.raises(InvalidArchiveError, match=r"plan/plan\.yaml"):
        plan(text)


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(InvalidArchiveError, match="UTF-8"):
        reading(with_plan(**{"plan/plan.yaml": b"\xff"}))


def test_an_error_tells_the_place() -> None:
    with pytest.raises(InvalidArchiveError, match=r"line 2, column 4"):
        plan("a: {}\nb: ]")


def test_values_of_every_kind_are_accepted() -> None:
    values = "{d: 2024-01-02, t: 2024-01-02T03:04:05Z, b: !!binary aGk=, f: .nan, n: null, u: 病院}"
    merged = "base: &b {p: 1}\nmore: {<<: *b, q: &l [1], r: *l}\n"

    assert plan(f"{PLAN}values: {values}\n{merged}").rounds == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("a: " + "[" * 40 + "]" * 40, "nested too deeply", id="deep flow"),
        pytest.param("a: " + "[" * 100_000, "nested too deeply", id="very deep flow"),
        pytest.param(
            "\n".join(" " * depth + "a:" for depth in range(40)), "nested", id="deep block"
        ),
        pytest.param("a: {b: 1" + ":1" * 10_000 + "}", "too long", id="base sixty"),
        pytest.param("a: {b: [" + "1," * 20_000 + "]}", "too many values", id="wide"),
        pytest.param(
            "a: &a0 {x: 1}\n" + "".join(f"b{n}: &a{n + 1} [{f'*a{n},' * 9}]\n" for n in range(9)),
            "aliases included",
            id="billion laughs",
        ),
        pytest.param(
            "a0: &a0 {x: 1}\n"
            + "".join(f"a{n + 1}: &a{n + 1} {{<<: [{f'*a{n},' * 9}]}}\n" for n in range(9)),
            "aliases included",
            id="billion merges",
        ),
    ],
)
def test_a_plan_that_would_cost_too_much_is_refused(text: str, reason: str) -> None:
    with pytest.raises(LimitExceededError, match=reason):
        plan(text)
