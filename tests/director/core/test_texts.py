"""Long texts keep both ends, and never more than they may."""

import hypothesis.strategies as st
from hypothesis import given

from director.core.texts import abridged


@given(st.text(), st.integers(1, 40))
def test_a_text_is_never_longer_than_it_may_be_and_its_end_is_kept(text: str, length: int) -> None:
    shown = abridged(text, length)

    assert len(shown) == min(len(text), length)
    assert length < 20 or shown[-6:] == text[-6:]


def test_what_is_short_enough_stays_as_it_is() -> None:
    assert abridged("no memory", 9) == "no memory"


def test_of_a_longer_text_both_ends_are_kept() -> None:
    assert abridged("Traceback: " + "x" * 100 + " ValueError", 45) == (
        "Traceback:\n[…]\nxxxxxxxxxxxxxxxxxxx ValueError"
    )
