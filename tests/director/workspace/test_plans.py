"""What a plan may say, and what is refused rather than ignored."""

import pytest

from director.core.model import Haste, Plan, Task, TaskGroup
from director.errors import InvalidArchiveError, LimitExceededError, UnsupportedPlanError
from tests.director.workspace.archives import PLAN, reading, with_plan

TRAIN = Task(name="train", function_name="train_batches", task_type="train")
GLOBAL = Task(name="aggregated_model_validation", function_name="validate", task_type="validate")
LOCAL = Task(
    name="locally_tuned_model_validation",
    function_name="validate",
    task_type="validate",
    apply_local=True,
)
ROUNDS = "aggregator: {settings: {rounds_to_train: 3}}\n"
RANDOM = "openfl.component.RandomGroupedAssigner"
STATIC = "openfl.component.StaticGroupedAssigner"
CUTOFF = "CutoffTimeBasedStragglerHandling"
PERCENTAGE = "PercentageBasedStragglerHandling"
TASKS = "tasks: {train: {function: f}}\n"


def plan(text: str) -> Plan:
    return reading(with_plan(text)).plan


def grouped(groups: str, template: str = RANDOM) -> str:
    return f"{PLAN}assigner: {{template: {template}, settings: {{task_groups: {groups}}}}}\n"


def stragglers(policy: str, settings: str) -> str:
    template = f"openfl.component.straggler_handling_functions.{policy}"
    return f"straggler_handling_policy: {{template: {template}, settings: {settings}}}"


def test_the_smallest_plan_is_read() -> None:
    assert plan(PLAN) == Plan(rounds=3, tasks=(TRAIN, GLOBAL, LOCAL))


# ---------------------------------------------------------------- tasks


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


# ---------------------------------------------------------------- what has to be honoured


@pytest.mark.parametrize(
    "section",
    [
        "compression_pipeline: {template: openfl.pipelines.NoCompressionPipeline}",
        "compression_pipeline: {settings: {}}",
        "straggler_handling_policy: {}",
        stragglers(CUTOFF, "{}"),
        stragglers(CUTOFF, "{straggler_cutoff_time: .inf}"),
        stragglers(PERCENTAGE, "{percent_collaborators_needed: 1.0}"),
        "collaborator: {template: my.Collaborator, settings: {delta_updates: true}}",
        "task_runner: {template: my.Runner}",
    ],
)
def test_what_changes_nothing_for_the_aggregation_is_accepted(section: str) -> None:
    assert plan(f"{PLAN}{section}\n").tasks == (TRAIN, GLOBAL, LOCAL)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("openfl.pipelines.KCPipeline", "kc"),
        ("openfl.pipelines.skc_pipeline.SKCPipeline", "skc"),
        ("openfl.pipelines.STCPipeline", "stc"),
        ("openfl.pipelines.NoCompressionPipeline", "none"),
        ("null", "none"),
    ],
)
def test_a_pipeline_that_we_can_undo_is_accepted(template: str, name: str) -> None:
    assert plan(f"{PLAN}compression_pipeline: {{template: {template}}}\n").compression == name


@pytest.mark.parametrize(
    ("section", "named"),
    [
        (
            "compression_pipeline: {template: openfl.pipelines.eden_pipeline.EdenPipeline}",
            "EdenPipeline",
        ),
        (
            "compression_pipeline: {template: openfl.pipelines.RandomShiftPipeline}",
            "RandomShiftPipeline",
        ),
        ("compression_pipeline: {template: my.NoCompressionPipeline}", "my.NoCompressionPipeline"),
        ("compression_pipeline: {template: [1]}", "compression_pipeline"),
        ("straggler_handling_policy: {template: my.Policy}", "my.Policy"),
        ("collaborator: {defaults: plan/defaults/collaborator.yaml}", "'collaborator'"),
    ],
)
def test_what_would_silently_change_results_is_refused_by_name(section: str, named: str) -> None:
    with pytest.raises(UnsupportedPlanError, match=named):
        plan(f"{PLAN}{section}\n")


@pytest.mark.parametrize(
    ("policy", "settings", "haste"),
    [
        (CUTOFF, "{straggler_cutoff_time: 60}", Haste(after_s=60)),
        (
            CUTOFF,
            "{straggler_cutoff_time: 2.5, minimum_reporting: 3}",
            Haste(after_s=2.5, minimum=3),
        ),
        (PERCENTAGE, "{percent_collaborators_needed: 0.5}", Haste(share=0.5)),
        (
            PERCENTAGE,
            "{percent_collaborators_needed: 0, minimum_reporting: 2}",
            Haste(share=0, minimum=2),
        ),
    ],
)
def test_a_plan_may_ask_for_haste(policy: str, settings: str, haste: Haste) -> None:
    assert plan(f"{PLAN}{stragglers(policy, settings)}\n").haste == haste


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        (CUTOFF, "{straggler_cutoff_time: -1}"),
        (CUTOFF, "{straggler_cutoff_time: soon}"),
        (CUTOFF, "{straggler_cutoff_time: true}"),
        (CUTOFF, "{straggler_cutoff_time: .nan}"),
        (CUTOFF, "{minimum_reporting: 0}"),
        (PERCENTAGE, "{minimum_reporting: 1.5}"),
        (PERCENTAGE, "{percent_collaborators_needed: 50}"),
        (CUTOFF, f"{{straggler_cutoff_time: {10**400}}}"),
    ],
)
def test_haste_that_makes_no_sense_is_refused(policy: str, settings: str) -> None:
    with pytest.raises(InvalidArchiveError, match=r"straggler_handling_policy\.settings"):
        plan(f"{PLAN}{stragglers(policy, settings)}\n")


@pytest.mark.parametrize("section", ["aggregator", "network"])
def test_settings_that_are_no_mapping_are_refused(section: str) -> None:
    with pytest.raises(InvalidArchiveError, match=f"{section}.settings"):
        plan(f"{PLAN.replace(f'{section}: {{', 'kept: {')}{section}: {{settings: [1]}}\n")


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("log_metric_callback: {template: my.callback}", "log_metric_callback"),
        ("single_col_cert_common_name: everybody", "single_col_cert_common_name"),
    ],
)
def test_what_an_aggregator_of_openfl_does_and_ours_does_not_is_refused(
    setting: str, named: str
) -> None:
    with pytest.raises(UnsupportedPlanError, match=named):
        plan(PLAN.replace("rounds_to_train: 3", f"rounds_to_train: 3, {setting}"))


def test_where_an_aggregator_of_openfl_keeps_its_files_does_not_matter() -> None:
    kept = "rounds_to_train: 3, db_store_rounds: 2, write_logs: true, best_state_path: save/b.pbuf"

    assert plan(PLAN.replace("rounds_to_train: 3", kept)).rounds == 3


@pytest.mark.parametrize(
    ("settings", "tls"), [("tls: true", True), ("tls: false", False), ("agg_addr: auto", None)]
)
def test_a_plan_may_say_whether_collaborators_use_tls(settings: str, *, tls: bool | None) -> None:
    text = PLAN.replace("agg_addr: auto, agg_port: auto", settings)

    assert reading(with_plan(text)).tls is tls


def test_collaborators_that_would_show_no_certificates_are_refused() -> None:
    with pytest.raises(UnsupportedPlanError, match="disable_client_auth"):
        plan(PLAN.replace("agg_addr: auto", "tls: true, disable_client_auth: true"))


def test_what_is_neither_with_nor_without_tls_is_refused() -> None:
    with pytest.raises(InvalidArchiveError, match="tls"):
        plan(PLAN.replace("agg_addr: auto", "tls: perhaps"))


def test_another_aggregator_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedPlanError, match=r"my\.Aggregator"):
        plan(PLAN.replace("{settings", "{template: my.Aggregator, settings", 1))


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("{template: openfl.interface.aggregation_functions.Median}", "median"),
        ("openfl.interface.aggregation_functions.GeometricMedian", "geometric_median"),
        ("openfl.interface.aggregation_functions.WeightedAverage", "weighted_average"),
    ],
)
def test_a_task_may_ask_for_an_aggregation(wish: str, name: str) -> None:
    text = f"{ROUNDS}tasks: {{train: {{function: f, aggregation_type: {wish}}}}}\n"

    assert plan(text).aggregations == {"f": name}


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ("{template: openfl.interface.aggregation_functions.FedCurvWeightedAverage}", "FedCurv"),
        ("{template: my.Median}", r"my\.Median"),
    ],
)
def test_an_aggregation_that_we_do_not_have_is_refused_by_name(wish: str, named: str) -> None:
    with pytest.raises(UnsupportedPlanError, match=named):
        plan(f"{ROUNDS}tasks: {{train: {{function: f, aggregation_type: {wish}}}}}\n")


def test_two_aggregations_of_one_functions_results_are_refused() -> None:
    median = "openfl.interface.aggregation_functions.Median"
    text = (
        f"{ROUNDS}tasks: {{a: {{function: f}}, b: {{function: f, aggregation_type: {median}}}}}\n"
    )

    with pytest.raises(UnsupportedPlanError, match="'f' want different"):
        plan(text)


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
