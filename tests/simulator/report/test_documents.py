"""`result.json` and `junit.xml`, read back as programs read them."""

import json
from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from simulator.report.cases import CaseResult
from simulator.report.junit import junit_xml
from simulator.report.result import result_json
from simulator.report.summary import Summary
from tests.simulator.report.runs import PLANNED, a_run, a_summary


@pytest.fixture(scope="module")
def held() -> Summary:
    return a_summary()


@pytest.fixture(scope="module")
def broken() -> Summary:
    return a_summary(ends=False)


def a_case(scenario: str, summary: Summary | None) -> CaseResult:
    return CaseResult(
        scenario=scenario,
        case={"identity": "mtls"},
        seed=7,
        wall_s=0.3,
        summary=summary,
        error=None if summary else "the Director did not start: \x1b port in use",
    )


# ---------------------------------------------------------------- result.json


def test_a_judged_case_has_every_documented_key(broken: Summary) -> None:
    document = json.loads(result_json(a_case("tale", broken)))

    assert (document["format"], document["version"]) == ("squall-result", 1)
    assert (document["outcome"], document["verdict"]) == ("broken", "invalid")
    assert document["first"] == "experiments-end"
    assert list(document) == [
        "format",
        "version",
        "scenario",
        "case",
        "seed",
        "outcome",
        "verdict",
        "message",
        "world",
        "identity",
        "reproduce",
        "ended_s",
        "calls",
        "entries",
        "first",
        "results",
        "phases",
        "faults",
        "experiments",
        "envoys",
        "rpcs",
        "weathered",
    ]
    result = next(r for r in document["results"] if r["name"] == "experiments-end")
    (finding,) = result["findings"]
    entries = a_run(ends=False).history().entries
    assert [entries[index].topic for index in finding["evidence"]] == [
        "SetNewExperiment",
        "SetNewExperiment",
        "GetExperimentStatus",
    ]
    assert [fault["fault"] for fault in document["faults"]] == [plan.fault for plan in PLANNED]
    assert document["experiments"][0]["loss"]["points"][0] == {"round": 0, "value": 1.0}


def test_the_same_run_gives_the_same_bytes_however_long_it_took(held: Summary) -> None:
    slow = CaseResult(
        scenario="tale", case={"identity": "mtls"}, seed=7, wall_s=99, summary=a_summary()
    )

    assert result_json(slow) == result_json(a_case("tale", held))


def test_a_case_that_was_not_judged_says_why() -> None:
    document = json.loads(result_json(a_case("tale", None)))

    assert (document["outcome"], document["verdict"]) == ("error", None)
    assert document["message"].startswith("the Director did not start")


# ---------------------------------------------------------------- junit.xml


def test_each_case_is_a_test_case_with_the_result_that_a_build_needs(
    held: Summary, broken: Summary
) -> None:
    cases = [
        a_case("tale", held),
        a_case("tale", broken),
        a_case("other", None),
        a_case("bug", a_summary(ends=False, xfail=True)),
        a_case("bug", a_summary(xfail=True)),
    ]

    document = JUnitXml.fromstring(junit_xml(cases).encode())

    suites = {suite.name: list(suite) for suite in document}
    results = {name: [case.result for case in found] for name, found in suites.items()}
    assert (document.tests, document.failures, document.errors, document.skipped) == (5, 2, 1, 1)
    assert results["tale"][0] == []
    assert isinstance(results["tale"][1][0], Failure)
    assert isinstance(results["other"][0][0], Error)
    assert isinstance(results["bug"][0][0], Skipped)
    assert isinstance(results["bug"][1][0], Failure)
    assert suites["other"][0].name == "other [identity=mtls]"
    assert suites["tale"][0].name == "tale [identity=mtls] seed 7"


def test_what_was_not_run_is_skipped_and_says_why() -> None:
    unfit = CaseResult(scenario="tale", case={}, seed=7, wall_s=0, not_run="it restarts it")

    [suite] = JUnitXml.fromstring(junit_xml([unfit]).encode())
    [result] = next(iter(suite)).result

    assert isinstance(result, Skipped)
    assert result.message == "not run: it restarts it"


def test_each_seed_and_each_namesake_is_a_test_case_of_its_own(held: Summary) -> None:
    cases = [
        CaseResult(scenario="tale", case={}, seed=seed, wall_s=0.1, summary=held)
        for seed in (7, 8, 8)
    ]

    [suite] = JUnitXml.fromstring(junit_xml(cases).encode())

    assert [case.name for case in suite] == ["tale seed 7", "tale seed 8", "tale seed 8 (2)"]


def test_a_failure_tells_the_promise_its_witness_and_how_to_repeat_it(broken: Summary) -> None:
    document = JUnitXml.fromstring(junit_xml([a_case("tale", broken)]).encode())

    (failure,) = next(iter(next(iter(document)))).result
    assert failure.type == "broken"
    assert failure.message.startswith("experiments-end: brain-mri had not ended")
    assert "ok alice GetExperimentStatus status=in_progress" in failure.text
    assert failure.text.splitlines()[-1].startswith("reproduce: simulate ")


def test_an_inconclusive_run_is_an_error_of_its_own_type(held: Summary) -> None:
    verdict = replace(
        held.verdict, results=(replace(held.verdict.results[0], error="its checker raised"),)
    )

    document = JUnitXml.fromstring(
        junit_xml([a_case("tale", replace(held, verdict=verdict))]).encode()
    )

    (error,) = next(iter(next(iter(document)))).result
    assert isinstance(error, Error)
    assert (error.type, error.message) == ("inconclusive", "faults-fired: its checker raised")
