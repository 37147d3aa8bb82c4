"""Who lets whom in, and what a handler learns of its caller."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme

from simulator.network.api import ClientCredentials, ServerCredentials
from tests.conformance.worlds import NOW, World, unary

Context = grpc.aio.ServicerContext[Any, Any]

# Certificates that hold at the time of either world: long ago for the one is long ago for both.
LONG_AGO = datetime.fromtimestamp(NOW, UTC) - timedelta(days=3650)
NEVER = datetime(2200, 1, 1, tzinfo=UTC)


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def stranger() -> trustme.CA:
    return trustme.CA()


def pem(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return certificate.private_key_pem.bytes(), chain


def server_credentials(issuer: trustme.CA) -> ServerCredentials:
    key, certificate = pem(issuer.issue_cert("localhost", "127.0.0.1", common_name="director"))
    root = authority().cert_pem.bytes()
    return ServerCredentials(root_certificate=root, private_key=key, certificate=certificate)


def client_credentials(
    certificate: trustme.LeafCert | None, trusts: trustme.CA | None = None
) -> ClientCredentials:
    root = (trusts or authority()).cert_pem.bytes()
    if certificate is None:
        return ClientCredentials(root_certificate=root)
    key, chain = pem(certificate)
    return ClientCredentials(root_certificate=root, private_key=key, certificate=chain)


def bob(issuer: trustme.CA, *, since: datetime | None = None) -> trustme.LeafCert:
    """Return a certificate of bob's, one that holds for a single day where told since when."""
    until = None if since is None else since + timedelta(days=1)
    return issuer.issue_cert(
        "bob.hospital.example", common_name="bob", not_before=since, not_after=until
    )


@dataclass
class Door:
    """A handler that notes who came in."""

    came: list[dict[str, list[bytes]]]
    identities: list[tuple[str | None, list[bytes]]]

    async def knock(self, request: bytes, context: Context) -> bytes:
        self.came.append({key: list(value) for key, value in context.auth_context().items()})
        identities = list(context.peer_identities() or ())
        self.identities.append((context.peer_identity_key(), identities))
        return request

    @property
    def handlers(self) -> dict[str, Any]:
        return {"knock": grpc.unary_unary_rpc_method_handler(self.knock)}


async def test_in_plaintext_a_handler_learns_no_name(world: World) -> None:
    door = Door([], [])
    async with world.serving(door.handlers) as served:
        channel = served.connect("bob")

        await unary(channel, "knock")(b"")

        assert door.came[0]["transport_security_type"] == [b"insecure"]
        assert "x509_common_name" not in door.came[0]
        assert door.identities == [(None, [])]


async def test_under_tls_a_handler_learns_the_common_name(world: World) -> None:
    door = Door([], [])
    async with world.serving(door.handlers, credentials=server_credentials(authority())) as served:
        credentials = client_credentials(bob(authority()))
        channel = served.connect("bob", credentials=credentials)

        await unary(channel, "knock")(b"")

        assert door.came[0]["transport_security_type"] == [b"ssl"]
        assert door.came[0]["x509_common_name"] == [b"bob"]
        assert door.came[0]["x509_subject_alternative_name"] == [b"bob.hospital.example"]
        assert door.came[0]["x509_pem_cert"] == [credentials.certificate]
        assert door.identities == [("x509_subject_alternative_name", [b"bob.hospital.example"])]


async def test_a_certificate_without_a_common_name_has_an_empty_one(world: World) -> None:
    door = Door([], [])
    async with world.serving(door.handlers, credentials=server_credentials(authority())) as served:
        nameless = client_credentials(authority().issue_cert("bob.hospital.example"))
        channel = served.connect("bob", credentials=nameless)

        await unary(channel, "knock")(b"")

        assert door.came[0]["x509_common_name"] == [b""]


async def test_a_chain_of_authorities_is_followed(world: World) -> None:
    door = Door([], [])
    async with world.serving(door.handlers, credentials=server_credentials(authority())) as served:
        branch = authority().create_child_ca()
        credentials = client_credentials(bob(branch))
        channel = served.connect("bob", credentials=credentials)

        await unary(channel, "knock")(b"")

        assert door.came[0]["x509_common_name"] == [b"bob"]


def forged() -> ClientCredentials:
    """Return one that was signed with an honest client's key."""
    shown = client_credentials(bob(authority()))
    key = client_credentials(bob(authority())).private_key
    return ClientCredentials(
        root_certificate=shown.root_certificate, private_key=key, certificate=shown.certificate
    )


UNWELCOME: dict[str, Callable[[], ClientCredentials | None]] = {
    "expired": lambda: client_credentials(bob(authority(), since=LONG_AGO)),
    "not yet valid": lambda: client_credentials(bob(authority(), since=NEVER)),
    "of a foreign authority": lambda: client_credentials(bob(stranger())),
    "missing": lambda: client_credentials(None),
    "somebody else's": forged,
    "plaintext": lambda: None,
    "good, but distrusts the server": lambda: client_credentials(bob(authority()), stranger()),
}


@pytest.mark.parametrize("what", UNWELCOME)
async def test_whoever_is_unwelcome_is_unavailable_and_reaches_no_handler(
    world: World, what: str
) -> None:
    door = Door([], [])
    async with world.serving(door.handlers, credentials=server_credentials(authority())) as served:
        unwelcome = served.connect("eve", credentials=UNWELCOME[what]())
        good = served.connect("bob", credentials=client_credentials(bob(authority())))

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(unwelcome, "knock")(b"", timeout=10)
        await unary(good, "knock")(b"", timeout=10)

        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert len(door.came) == 1


async def test_a_tls_client_finds_no_plaintext_server(world: World) -> None:
    door = Door([], [])
    async with world.serving(door.handlers) as served:
        credentials = client_credentials(bob(authority()))
        channel = served.connect("bob", credentials=credentials)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "knock")(b"", timeout=10)

        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert door.came == []
