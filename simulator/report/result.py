"""`result.json`: one case of a run for programs to read.

The same run gives the same bytes; nothing of the machine or the hour is in it.  Keys are only
ever added within a version.  Times are seconds of the run's clock.

    format, version      "squall-result", 1
    scenario, case, seed, world, identity, reproduce
    outcome              held | broken | inconclusive | error | xfail | xpass
    verdict              valid | invalid | unknown; null where nothing was judged
    message              why it did not hold; "" where it did
    ended_s, calls, entries
    first                the name of the promise that decided the verdict; null where it held
    results[]            name, section, promise, validity, occasions, waived, error, follows,
                         measured, omitted, findings[]: validity, message, evidence[] (entries of
                         history.jsonl, from 0)
    phases[]             name, begin_s, end_s
    faults[]             fault, type, planned, fired, touched, windows[]: begin_s, end_s, targets
    experiments[]        name, owner, outcome, told, collaborators, submitted_s, accepted_s,
                         ended_s, rounds, rounds_done, loss: metric, points[]: round, value
    envoys[]             name, group, started_s, online, heartbeats, results
    rpcs[]               rpc, total, ok, refused, unsure, p50_s, p99_s
    weathered            RPCs that the network's own losses reset
"""

import json

from simulator.checkers.judge import Result
from simulator.history.entry import JsonObject
from simulator.report.cases import CaseResult
from simulator.report.summary import FaultLine, Summary
from simulator.report.training import ExperimentLine

FORMAT = "squall-result"
VERSION = 1

# Microseconds: finer differences are the arithmetic's, not the run's.
_DIGITS = 6


def result_json(result: CaseResult) -> str:
    """Return the whole document, ending in a newline."""
    return json.dumps(result_document(result), indent=2, ensure_ascii=False) + "\n"


def result_document(result: CaseResult) -> JsonObject:
    """Return the document as a value."""
    summary = result.summary
    head: JsonObject = {
        "format": FORMAT,
        "version": VERSION,
        "scenario": result.scenario,
        "case": dict(result.case),
        "seed": result.seed,
        "outcome": result.outcome.value,
        "verdict": None if summary is None else summary.validity.value,
        "message": result.message,
    }
    return head if summary is None else {**head, **_judged(summary)}


def _judged(summary: Summary) -> JsonObject:
    first = summary.verdict.first
    return {
        "world": summary.world,
        "identity": summary.identity,
        "reproduce": summary.reproduce,
        "ended_s": _time(summary.ended_s),
        "calls": summary.calls,
        "entries": summary.entries,
        "first": None if first is None else first.name,
        "results": [_result(result) for result in summary.verdict.results],
        "phases": [
            {
                "name": phase.name,
                "begin_s": _time(phase.begin_s),
                "end_s": _time(phase.end_s),
            }
            for phase in summary.phases
        ],
        "faults": [_fault(fault) for fault in summary.faults],
        "experiments": [_experiment(line) for line in summary.experiments],
        "envoys": [
            {
                "name": envoy.name,
                "group": envoy.group,
                "started_s": _time(envoy.started_s),
                "online": envoy.is_online,
                "heartbeats": envoy.heartbeats,
                "results": envoy.results,
            }
            for envoy in summary.envoys
        ],
        "rpcs": [
            {
                "rpc": line.rpc,
                "total": line.total,
                "ok": line.ok,
                "refused": line.refused,
                "unsure": line.unsure,
                "p50_s": _time(line.p50_s),
                "p99_s": _time(line.p99_s),
            }
            for line in summary.rpcs
        ],
        "weathered": summary.weathered,
    }


def _time(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, _DIGITS)


def _result(result: Result) -> JsonObject:
    return {
        "name": result.name,
        "section": result.section.value,
        "promise": result.promise,
        "validity": result.validity.value,
        "occasions": result.judgement.occasions,
        "waived": result.waived,
        "error": result.error,
        "follows": result.follows,
        "measured": result.measured,
        "omitted": result.judgement.omitted,
        "findings": [
            {
                "validity": finding.validity.value,
                "message": finding.message,
                "evidence": list(finding.evidence),
            }
            for finding in result.judgement.findings
        ],
    }


def _fault(fault: FaultLine) -> JsonObject:
    return {
        "fault": fault.fault,
        "type": fault.type,
        "planned": fault.is_planned,
        "fired": fault.fired,
        "touched": fault.touched,
        "windows": [
            {
                "begin_s": _time(window.begin_s),
                "end_s": _time(window.end_s),
                "targets": window.label,
            }
            for window in fault.windows
        ],
    }


def _experiment(line: ExperimentLine) -> JsonObject:
    loss: JsonObject | None = None
    if line.loss is not None:
        loss = {
            "metric": line.loss.metric,
            "points": [{"round": nth, "value": value} for nth, value in line.loss.points],
        }
    return {
        "name": line.name,
        "owner": line.owner,
        "outcome": line.outcome,
        "told": line.told,
        "collaborators": list(line.collaborators),
        "submitted_s": _time(line.submitted_s),
        "accepted_s": _time(line.accepted_s),
        "ended_s": _time(line.ended_s),
        "rounds": line.rounds,
        "rounds_done": line.rounds_done,
        "loss": loss,
    }
