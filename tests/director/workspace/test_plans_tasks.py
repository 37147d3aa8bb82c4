"""Which tasks a plan may have, and who does them."""

import pytest

from director.core.model import TaskGroup
from director.errors import InvalidArchiveError, UnsupportedPlanError
from tests.director.workspace.archives import PLAN
from tests.director.workspace.plans import GLOBAL, ROUNDS, TRAIN, plan

RANDOM = "openfl.component.RandomGroupedAssigner"
STATIC = "openfl.component.StaticGroupedAssigner"


def grouped(groups: str, template: str = RANDOM) -> str:
    return f"{PLAN}assigner: {{template: {template}, settings: {{task_groups: {groups}}}}}\n"


def test_the_assigners_group_gives_the_order_and_the_choice_of_tasks() -> None:
    order = "[{name: g, percentage: 1.0, tasks: [aggregated_model_validation, train]}]"

    assert plan(grouped(order)).tasks == (GLOBAL, TRAIN)


def test_shares_of_the_collaborators_may_do_different_tasks() -> None:
    groups = (
        "[{name: g, percentage: 0.6, tasks: [train, aggregated_model_validation]},"
        " {name: h, percentage: 0.4, tasks: [aggregated_model_validation]}]"
    )

    read = plan(grouped(groups))

    assert read.tasks == (TRAIN, GLOBAL)
    assert read.groups == (
        TaskGroup(tasks=(TRAIN.name, GLOBAL.name), share=0.6),
        TaskGroup(tasks=(GLOBAL.name,), share=0.4),
    )


def test_named_collaborators_may_do_different_tasks() -> None:
    groups = (
        "[{name: g, collaborators: [a], tasks: [train]},"
        " {name: h, collaborators: [b, c], tasks: [aggregated_model_validation]}]"
    )

    read = plan(grouped(groups, "openfl.component.StaticGroupedAssigner"))

    assert [group.collaborators for group in read.groups] == [("a",), ("b", "c")]


def test_one_group_for_everybody_is_no_group() -> None:
    assert plan(grouped("[{tasks: [train]}]")).groups == ()


@pytest.mark.parametrize(
    ("groups", "template"),
    [
        pytest.param("[]", RANDOM, id="no group"),
        pytest.param("train", RANDOM, id="not a list"),
        pytest.param("[train]", RANDOM, id="not groups"),
        pytest.param("[{tasks: [train]}, {tasks: [train]}]", RANDOM, id="no shares"),
        pytest.param("[{tasks: [train], percentage: 0.5}]", RANDOM, id="not all"),
        pytest.param("[{tasks: [train], percentage: true}]", RANDOM, id="not a share"),
        pytest.param("[{tasks: [train]}]", STATIC, id="nobody named"),
        pytest.param("[{tasks: [train], collaborators: []}]", STATIC, id="nobody at all"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups: str, template: str) -> None:
    with pytest.raises(InvalidArchiveError, match="assigner"):
        plan(grouped(groups, template))


@pytest.mark.parametrize(
    ("groups", "template", "named"),
    [
        ("[{tasks: [train], collaborators: [a]}]", RANDOM, "cannot name them"),
        ("[{tasks: [train]}]", "my.RandomGroupedAssigner", r"my\.RandomGroupedAssigner"),
    ],
)
def test_an_assigner_that_we_do_not_have_is_refused(groups: str, template: str, named: str) -> None:
    with pytest.raises(UnsupportedPlanError, match=named):
        plan(grouped(groups, template))


@pytest.mark.parametrize("names", ["[]", "[train, train]", "[dance]", "train"])
def test_a_group_that_names_no_tasks_or_one_twice_or_unknown_ones_is_refused(names: str) -> None:
    with pytest.raises(InvalidArchiveError, match="task group"):
        plan(grouped(f"[{{tasks: {names}}}]"))


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        ("{}", "no tasks"),
        ("{settings: {}}", "no tasks"),
        ("{train: {kwargs: {}}}", "no tasks"),
        ("{train: {function: 7}}", "'train' has no function"),
        ("{train: {function: f, kwargs: [1]}}", "'train' has no function"),
        ("{check: {function: f, kwargs: {apply: both}}}", "'check' applies to 'both'"),
        ("{check: {function: f, kwargs: {apply: []}}}", r"'check' applies to \[\]"),
        ("{train: {function: ''}}", "unusable"),
        ('{"a\\tb": {function: f}}', "unusable"),
        ("{train: {function: " + "f" * 201 + "}}", "unusable"),
    ],
)
def test_tasks_that_make_no_sense_are_refused(tasks: str, reason: str) -> None:
    with pytest.raises(InvalidArchiveError, match=reason):
        plan(f"{ROUNDS}tasks: {tasks}\n")
