"""Who may act under which name."""

import pytest

from director.core.model import Caller
from director.core.names import check_identity
from director.errors import ForbiddenError


def test_a_certificate_binds_its_holder_to_its_name() -> None:
    caller = Caller(name="eve", is_authenticated=True, connection="1")

    check_identity(caller, "eve")
    with pytest.raises(ForbiddenError, match="'eve': you cannot act as 'env-1'"):
        check_identity(caller, "env-1")


def test_in_plaintext_anybody_may_act_as_anybody() -> None:
    caller = Caller(name="__default__", is_authenticated=False, connection="1")

    check_identity(caller, "env-1")
