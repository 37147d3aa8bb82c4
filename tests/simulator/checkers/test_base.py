"""Judgements: what counts, what comes first, and what is pointed at."""

from simulator.checkers.base import MOST_FINDINGS, Docket, Finding, Judgement, Validity, indexes
from simulator.checkers.names import NamesStay
from tests.simulator.checkers.given import Given


def test_a_promise_that_nothing_speaks_against_is_valid_and_counts_its_occasions() -> None:
    docket = Docket("names")
    docket.occasion()
    docket.occasion(2)

    assert docket.close() == Judgement(guarantee="names", occasions=3)
    assert docket.close().validity is Validity.VALID


def test_what_is_broken_comes_before_what_is_unsure_and_decides() -> None:
    docket = Docket("names")
    docket.unsure("perhaps", 2)
    docket.broken("surely", 7, 5, 7)

    judgement = docket.close()

    assert judgement.validity is Validity.INVALID
    assert [finding.message for finding in judgement.findings] == ["surely", "perhaps"]
    assert judgement.findings[0] == Finding(
        guarantee="names", validity=Validity.INVALID, message="surely", evidence=(5, 7)
    )
    assert judgement.occasions == 2


def test_being_unsure_is_not_valid() -> None:
    docket = Docket("names")
    docket.unsure("perhaps")

    assert docket.close().validity is Validity.UNKNOWN


def test_findings_beyond_what_anybody_reads_are_counted() -> None:
    docket = Docket("names")
    for _ in range(MOST_FINDINGS + 3):
        docket.broken("again")
    docket.unsure("perhaps")

    judgement = docket.close()

    assert (len(judgement.findings), judgement.omitted) == (MOST_FINDINGS + 1, 3)


def test_a_checker_shows_what_it_judges() -> None:
    assert repr(NamesStay()) == "<NamesStay: names>"


def test_evidence_is_the_places_of_calls_and_notes_in_order() -> None:
    record = Given()
    call = record.beats("a")
    record.note("canary", {"sung": 0})
    call.ok()
    history = record.history()

    (beat,) = history.calls("UpdateEnvoyStatus")
    (note,) = history.notes("canary")

    assert indexes(note, beat, 1) == (1, 2, 3)
