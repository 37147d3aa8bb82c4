"""binding and tls: whose name counts, and who does not get in."""

import pytest

from simulator.checkers.identity import BadCertificatesStayOutside, NamesAreCertified
from simulator.history.entry import JsonObject
from tests.simulator.checkers.given import Given, broken, holds, is_silent, tensor

BINDING = NamesAreCertified()
TLS = BadCertificatesStayOutside()
UNDER_TLS = "mtls"


def running(identity: str = UNDER_TLS) -> Given:
    record = Given(identity).envoys("a", "b").frontends("alice").attackers("eve")
    record.uploads("alice", "brain", ["a"]).ok()
    record.asks_tasks("a", "brain").ok()
    return record


def test_who_acts_in_its_own_name_is_no_occasion() -> None:
    record = running()
    record.registers("a").ok()

    assert record.judged_by(BINDING).occasions == 0


def test_an_impostor_is_refused() -> None:
    record = running()
    record.registers("a", by="eve").refused("PERMISSION_DENIED")
    record.beats("a", by="eve").refused("PERMISSION_DENIED")
    record.waits("a", by="eve").refused("PERMISSION_DENIED")
    record.downloads("a", "brain", by="eve").refused("PERMISSION_DENIED", chunks=0, mismatched=0)
    record.asks_tasks("a", "brain", by="eve").refused("UNAUTHENTICATED")
    record.sends("a", "brain", "train", 0, by="eve").refused("UNAUTHENTICATED")

    judgement = record.judged_by(BINDING)

    assert holds(judgement)
    assert judgement.occasions == 6


def test_an_impostor_must_not_register() -> None:
    record = running()
    record.registers("a", by="eve").ok()

    assert (
        "eve, whose certificate names eve, was let act as a: UpdateShardInfo was answered OK"
        in broken(record.judged_by(BINDING))
    )


def test_an_impostor_must_not_beat_or_wait() -> None:
    for topic in ("beats", "waits"):
        record = running()
        getattr(record, topic)("a", by="eve").ok()

        assert "was let act as a" in broken(record.judged_by(BINDING))


def test_an_impostor_must_not_train() -> None:
    record = running()
    record.sends("a", "brain", "train", 0, by="eve").ok()

    assert "SendLocalTaskResults was answered OK" in broken(record.judged_by(BINDING))


def test_what_an_impostor_sends_to_a_run_that_is_not_there_changes_nothing() -> None:
    record = running()
    record.asks_tasks("a", "never-was", tasks=(), quit_=True, by="eve").ok()
    record.sends("a", "never-was", "train", 0, by="eve").ok()

    assert holds(record.judged_by(BINDING))


def test_an_impostor_must_not_be_given_tensors() -> None:
    record = running()
    request: JsonObject = {
        "experiment": "brain",
        "name": "a",
        "federation": "plan.yaml_brain",
        "tensor": "w",
        "round": 0,
        "tags": ["model"],
    }
    record.call("eve", "GetAggregatedTensor", request, tensor=tensor(1.0), tags=[], round=0).ok()

    assert "GetAggregatedTensor was answered OK" in broken(record.judged_by(BINDING))


@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_archives_go_only_to_participants(identity: str) -> None:
    record = running(identity)
    record.downloads("b", "brain").ok()

    assert "b downloaded the archive of 'brain' at 0.0 s as b, which takes no part in it" in broken(
        record.judged_by(BINDING)
    )


def test_half_an_archive_is_an_archive_too() -> None:
    record = running()
    record.downloads("b", "brain").lost(chunks=1, size=5, mismatched=0)

    assert "downloaded the archive" in broken(record.judged_by(BINDING))


def test_who_may_take_part_may_download() -> None:
    record = Given(UNDER_TLS)
    record.uploads("alice", "brain", ["a"]).lost()
    record.downloads("a", "brain").ok()

    assert holds(record.judged_by(BINDING))


def test_in_plaintext_one_is_who_one_says() -> None:
    record = running("plaintext")
    record.registers("a", by="eve").ok()

    assert record.judged_by(BINDING).occasions == 0


def nameless() -> Given:
    record = running().strikes("identity.certificate", "eve", "no_common_name")
    return record.speaks("eve", as_="")


def test_who_has_no_name_is_refused() -> None:
    record = nameless()
    record.asks_status("eve", "brain").refused("UNAUTHENTICATED")
    record.lists("eve").lost("UNAVAILABLE")

    assert holds(record.judged_by(BINDING))


def test_who_has_no_name_must_not_be_served() -> None:
    record = nameless()
    record.lists("eve").ok()

    assert "GetEnvoys of eve, whose certificate has no common name, was answered OK" in broken(
        record.judged_by(BINDING)
    )


def test_who_has_no_name_must_not_be_taken_for_somebody() -> None:
    record = nameless()
    record.asks_status("eve", "brain").refused("NOT_FOUND")

    assert "as if that were somebody" in broken(record.judged_by(BINDING))


def test_who_has_no_name_may_report_a_failure_and_hear_ok() -> None:
    record = nameless()
    record.reports_failure("a", "brain", by="eve").ok()

    assert holds(record.judged_by(BINDING))


# ---------------------------------------------------------------- tls


def knocking(wrong: str) -> Given:
    return running().strikes("identity.certificate", "eve", wrong).speaks("eve", as_="")


@pytest.mark.parametrize("wrong", ["expired", "foreign_ca", "missing", "plaintext"])
def test_a_bad_certificate_meets_a_closed_door(wrong: str) -> None:
    record = knocking(wrong)
    record.lists("eve").lost("UNAVAILABLE", "handshake failed")
    record.note("handler", {"reached": 0, "attack": wrong}, actor="eve")

    assert holds(record.judged_by(TLS))


def test_a_bad_certificate_must_not_be_answered_well() -> None:
    record = knocking("expired")
    record.lists("eve").ok()

    assert "GetEnvoys of eve, with a bad certificate (expired), was answered OK" in broken(
        record.judged_by(TLS)
    )


def test_a_bad_certificate_must_not_be_answered_ill_either() -> None:
    record = knocking("self_signed")
    record.lists("eve").refused("UNAUTHENTICATED")

    assert "(self signed), was answered UNAUTHENTICATED" in broken(record.judged_by(TLS))


def test_a_bad_certificate_must_not_reach_a_handler() -> None:
    record = running().note("handler", {"reached": 2, "attack": "foreign_ca"}, actor="eve")

    assert "2 calls of eve with a bad certificate (foreign ca) reached a handler" in broken(
        record.judged_by(TLS)
    )


def test_a_certificate_without_a_name_gets_in_and_is_refused_there() -> None:
    record = knocking("no_common_name")
    record.lists("eve").refused("UNAUTHENTICATED")
    record.note("handler", {"reached": 1, "attack": "no_common_name"}, actor="eve")

    assert is_silent(record.judged_by(TLS))


def test_others_may_be_answered_meanwhile() -> None:
    record = knocking("expired")
    record.lists("alice").ok()

    assert record.judged_by(TLS).occasions == 0


def test_an_impostor_may_be_sent_an_empty_archive() -> None:
    record = running()
    record.downloads("a", "brain", by="eve", chunks=0, members=None).ok()

    assert holds(record.judged_by(BINDING))
