"""A workspace given another address: its plan is new, nothing else is."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

from director.errors import InvalidArchiveError
from director.workspace import federation_id, rewrite_workspace
from tests.director.workspace.archives import PLAN, fixture, packed, reading, with_plan

OTHERS: dict[str, bytes | str] = {
    "code/a.py": "x = 1\n" * 20,
    "weights.bin": bytes(range(256)),
    "empty/": "",
}


def rewritten(archive: bytes, *, salt: str = "s") -> tuple[bytes, str]:
    target = io.BytesIO()
    federation = rewrite_workspace(
        io.BytesIO(archive), target, agg_addr="host", agg_port=50051, hash_salt=salt
    )
    return target.getvalue(), federation


def plan_in(archive: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read("plan/plan.yaml").decode()


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(packed({"plan/plan.yaml": PLAN, **OTHERS}), id="plan first"),
        pytest.param(packed({**OTHERS, "plan/plan.yaml": PLAN}), id="plan last"),
        pytest.param(
            packed({"a": "b", "plan/plan.yaml": PLAN, **OTHERS}, method=zipfile.ZIP_STORED),
            id="plan in the middle, stored",
        ),
        pytest.param(packed({"plan/plan.yaml": PLAN, **OTHERS}, comment=b"c"), id="commented"),
        pytest.param(fixture("openfl_workspace"), id="OpenFL's"),
    ],
)
def test_every_other_member_keeps_its_bytes_and_its_entry(archive: bytes, tmp_path: Path) -> None:
    result, _ = rewritten(archive)

    (tmp_path / "result.zip").write_bytes(result)
    shutil.unpack_archive(tmp_path / "result.zip", tmp_path / "unpacked", "zip")
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as before,
        zipfile.ZipFile(io.BytesIO(result)) as after,
    ):
        assert after.testzip() is None
        assert after.namelist() == before.namelist()
        assert after.comment == before.comment
        for old, new in zip(before.infolist(), after.infolist(), strict=True):
            assert (new.date_time, new.external_attr) == (old.date_time, old.external_attr)
            if old.filename == "plan/plan.yaml":
                continue
            assert after.read(new) == before.read(old)
            assert (new.compress_type, new.compress_size) == (old.compress_type, old.compress_size)
            assert old.is_dir() or (tmp_path / "unpacked" / old.filename).is_file()


def test_only_address_port_and_salt_of_the_plan_change() -> None:
    plan = PLAN.replace("agg_port: auto", "agg_port: auto, tls: true, cert_folder: cert")

    result, _ = rewritten(with_plan(plan))

    expected = yaml.safe_load(plan)
    expected["network"]["settings"] |= {"agg_addr": "host", "agg_port": 50051, "hash_salt": "s"}
    assert yaml.safe_load(plan_in(result)) == expected
    assert list(yaml.safe_load(plan_in(result))) == list(expected)


@pytest.mark.parametrize("network", ["", "network: {}\n", "network: {settings:}\n"])
def test_a_plan_without_an_address_is_given_one(network: str) -> None:
    plan = network + "aggregator: {settings: {rounds_to_train: 1}}\ntasks: {t: {function: f}}\n"

    result, _ = rewritten(with_plan(plan))

    workspace = reading(result)
    assert (workspace.agg_addr, workspace.agg_port) == ("host", 50051)


def test_sections_that_are_one_and_the_same_stay_apart_afterwards() -> None:
    plan = (
        "network: &n {settings: {agg_addr: a}}\nother: *n\n"
        "aggregator: {settings: {rounds_to_train: 1}}\ntasks: {t: {function: f}}\n"
    )

    result, _ = rewritten(with_plan(plan))

    assert yaml.safe_load(plan_in(result))["other"] == {"settings": {"agg_addr": "a"}}


def test_the_federation_is_that_of_the_plan_that_was_written() -> None:
    result, federation = rewritten(with_plan())

    assert federation == federation_id(plan_in(result))


def test_two_salts_make_two_federations_of_one_archive() -> None:
    assert rewritten(with_plan(), salt="1")[1] != rewritten(with_plan(), salt="2")[1]


def test_a_result_can_be_rewritten_again_and_the_same_way() -> None:
    once, first = rewritten(with_plan(a="b"))

    twice, second = rewritten(once)

    assert (twice, second) == (once, first)


@given(
    st.dictionaries(
        st.text("ab/é", min_size=1, max_size=6).filter(
            lambda name: all(name.split("/")) and name != "plan"
        ),
        st.binary(max_size=50),
        max_size=5,
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_whatever_else_is_there_stays(others: dict[str, bytes], method: int) -> None:
    names = [name for name in others if not any(name.startswith(f"{other}/") for other in others)]
    members = {name: others[name] for name in names}
    archive = packed({**members, "plan/plan.yaml": PLAN}, method=method)

    result, _ = rewritten(archive)

    with zipfile.ZipFile(io.BytesIO(result)) as opened:
        assert {name: opened.read(name) for name in names} == members
    assert reading(result).plan == reading(archive).plan


def test_a_source_that_was_cut_meanwhile_is_refused() -> None:
    with pytest.raises(InvalidArchiveError):
        rewritten(with_plan(a="b" * 1000)[:-30])
