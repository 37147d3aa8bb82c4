"""Which names may be given, and who may act under which."""

import pytest

from director.core.model import Caller
from director.core.names import check_identity, check_name
from director.errors import ForbiddenError, InvalidNameError


@pytest.mark.parametrize(
    "name",
    [
        "brain-mri",
        "Hôpital de la Pitié",
        "Больница № 1",
        "\u6771\u4eac\u30fb\u75c5\u9662",
        "مستشفى",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: two letters kept apart
        "क्\u200dष",
        "\U0001f469\u200d\U0001f52c",  # a scientist, of a woman and a microscope
        "\u2764\ufe0f\u200d\U0001f525",
        "\u845b\U000e0100",
        "e\u0301",
        "x" * 128,
        "\u6771" * 85,
    ],
)
def test_a_name_of_any_script_may_be_given(name: str) -> None:
    check_name(name, what="experiment", max_length=128)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        ("x" * 129, "has 129 characters, and 128 are allowed"),
        ("\u6771" * 86, "has 258 bytes in UTF-8, and 255 are allowed"),
        ("a/b", "looks like a path"),
        (" a", "begins or ends with white space"),
        ("a\nb", "has control characters"),
        ("a\u2028b", "has control characters"),
        ("env\u200b-1", "has characters that cannot be seen"),
        ("env-1\ufeff", "has characters that cannot be seen"),
        ("env\u200d-1", "has characters that cannot be seen"),
        ("می\u200c", "has characters that cannot be seen"),
        ("\u200dمی", "has characters that cannot be seen"),
        ("\u0645\u06cc\u200c\u200c\u062e\u0648", "has characters that cannot be seen"),
        ("abc\u202etxt", "has characters that cannot be seen"),
        ("abc\u2066txt", "has characters that cannot be seen"),
        ("env\u00ad-1", "has characters that cannot be seen"),
        ("env-1\u3164", "has characters that cannot be seen"),
        ("env-1\ufe0f", "has characters that cannot be seen"),
        ("\u2764\ufe0f\ufe0f", "has characters that cannot be seen"),
        ("env-1\ue000", "has characters that cannot be seen"),
        ("env-1\U000e0031", "has characters that cannot be seen"),
        ("env-1\uffff", "has characters that cannot be seen"),
    ],
)
def test_a_name_that_does_not_show_what_it_is_is_refused(name: str, fault: str) -> None:
    with pytest.raises(InvalidNameError, match=f"it {fault}$"):
        check_name(name, what="experiment", max_length=128)


def test_a_certificate_binds_its_holder_to_its_name() -> None:
    caller = Caller(name="eve", is_authenticated=True, connection="1")

    check_identity(caller, "eve")
    with pytest.raises(ForbiddenError, match="'eve': you cannot act as 'env-1'"):
        check_identity(caller, "env-1")


def test_in_plaintext_anybody_may_act_as_anybody() -> None:
    caller = Caller(name="__default__", is_authenticated=False, connection="1")

    check_identity(caller, "env-1")
