"""What is found in an archive, whole or broken."""

import hashlib
from random import Random

from hypothesis import given, strategies as st

from simulator.actors import canary
from simulator.actors.archives import inspected
from simulator.actors.plan import PLAN_PATH, read
from simulator.actors.workspace import Recipe, archive, bomb, members, plan_text, zipped

RECIPE = Recipe(rounds=3, host="127.0.0.1", size_bytes=16 * 2**10)
WHOLE = archive(RECIPE, Random(1))


def test_a_whole_archive_has_a_digest_of_each_member_but_the_plan() -> None:
    found = inspected(WHOLE)

    assert found.problem == ""
    assert found.members is not None
    assert PLAN_PATH not in found.members
    assert found.members["requirements.txt"] == hashlib.sha256(b"numpy\n").hexdigest()
    assert found.plan == read(plan_text(RECIPE))
    assert found.told() == {
        "sha256": hashlib.sha256(WHOLE).hexdigest(),
        "members": found.members,
        "plan_rest": read(plan_text(RECIPE)).rest,
        "network": {"agg_addr": "127.0.0.1", "agg_port": "auto", "hash_salt": "auto"},
    }


def test_an_archive_without_a_plan_still_tells_its_members() -> None:
    found = inspected(zipped({"a.txt": b"a"}))

    assert found.problem == "the plan of the archive: there is none"
    assert found.members == {"a.txt": hashlib.sha256(b"a").hexdigest()}
    assert found.told()["plan_rest"] is None


def test_nothing_is_no_archive() -> None:
    found = inspected(b"")

    assert found.problem.startswith("not an archive")
    assert found.members is None


def test_half_an_archive_is_no_archive() -> None:
    assert inspected(WHOLE[: len(WHOLE) // 2]).members is None


def test_a_bomb_is_not_inflated() -> None:
    found = inspected(bomb(RECIPE))

    assert "would inflate" in found.problem
    assert found.members is None


def test_a_flipped_bit_in_a_member_is_noticed() -> None:
    position = WHOLE.index(b"numpy")
    flipped = bytearray(WHOLE)
    flipped[position] ^= 1

    assert inspected(flipped).members is None


@given(position=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_breaks_the_reader_or_changes_a_member_unseen(
    position: int, bit: int
) -> None:
    flipped = bytearray(WHOLE)
    flipped[position] ^= 1 << bit
    songs = canary.songs()
    contents = list((inspected(WHOLE).members or {}).values())

    found = inspected(flipped)

    assert found.members is None or list(found.members.values()) in (
        contents,
        # A flip may hit the very name of the plan: then it is a member like the others.
        [hashlib.sha256(members(RECIPE)[PLAN_PATH]).hexdigest(), *contents],
    )
    assert canary.songs() == songs


@given(noise=st.binary(max_size=300))
def test_noise_is_never_an_archive(noise: bytes) -> None:
    assert inspected(noise).plan is None
