"""What a plan may ask of the aggregation, and what is refused rather than ignored."""

import pytest

from director.core.model import Haste
from director.errors import InvalidArchiveError, UnsupportedPlanError
from tests.director.workspace.archives import PLAN, reading, with_plan
from tests.director.workspace.plans import GLOBAL, LOCAL, ROUNDS, TRAIN, plan

CUTOFF = "CutoffTimeBasedStragglerHandling"
PERCENTAGE = "PercentageBasedStragglerHandling"


def stragglers(policy: str, settings: str) -> str:
    template = f"openfl.component.straggler_handling_functions.{policy}"
    return f"straggler_handling_policy: {{template: {template}, settings: {settings}}}"


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
