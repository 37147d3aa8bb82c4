"""Who is calling: a certificate's common name, or what a plaintext client calls itself."""

from functools import lru_cache

from director.core.model import Caller
from director.errors import UnauthenticatedError
from director.shell.logbook import mark
from director.transport.status import Context

ANONYMOUS = "__default__"
"""A plaintext caller that gives no name."""

# Owners are kept and logged by name; a header may be 32 MiB.
_MAX_NAME_LENGTH = 256


def caller_name(context: Context, *, tls: bool) -> str:
    """Return the name that the caller's requests are judged by.

    Raises:
        UnauthenticatedError: the certificate has no common name, or the name is over-long.
    """
    name = _common_name(context) if tls else _client_id(context)
    if len(name) > _MAX_NAME_LENGTH:
        raise UnauthenticatedError(f"your name has more than {_MAX_NAME_LENGTH} characters")
    return name


def caller_of(context: Context, *, tls: bool, about: str = "") -> Caller:
    """Return the caller, and which of its connections it speaks on.

    Log lines that follow from its request tell its name, and which experiment it is about.
    """
    if about:
        mark(experiment=about)
    caller = unmarked_caller_of(context, tls=tls)
    mark(caller=caller.name)
    return caller


def unmarked_caller_of(context: Context, *, tls: bool) -> Caller:
    """Return the caller of a request that leaves no lines in the log, unless it is refused."""
    return _caller(caller_name(context, tls=tls), tls, context.peer())


@lru_cache(maxsize=1024)
def _caller(name: str, is_authenticated: bool, connection: str) -> Caller:  # noqa: FBT001
    # The same few speak again and again; to look one up is quicker than to make it anew.
    return Caller(name=name, is_authenticated=is_authenticated, connection=connection)


def _common_name(context: Context) -> str:
    for name in context.auth_context().get("x509_common_name", ()):
        if name:
            return name.decode(errors="replace")
    raise UnauthenticatedError("your certificate has no common name: it identifies nobody")


def _client_id(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "client_id" and value:
            return value if isinstance(value, str) else value.decode(errors="replace")
    return ANONYMOUS
