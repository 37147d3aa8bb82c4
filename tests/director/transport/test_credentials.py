"""Certificates: what is wrong with them is told at the start, and renewals are noticed."""

import asyncio
import logging
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from director.transport.credentials import CertificateError, Renewal, find_certificates
from director.transport.server import DirectorGRPCServer
from protos import director_pb2
from simulator.network.api import ClientCredentials
from simulator.pki import Pki
from tests.director.transport.fake_director import FakeDirector
from tests.director.transport.served import channel_credentials, director_stub, write_certificates


def test_good_certificates_are_found_as_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_certificates(Pki(), tmp_path)
    monkeypatch.chdir(tmp_path)

    found = find_certificates(**{role: path.name for role, path in files.items()})

    assert dict(found.items()) == files


@pytest.mark.parametrize(
    ("role", "content", "told"),
    [
        ("root_certificate", b"garble", "root_ca.crt holds no certificate in PEM format"),
        ("root_certificate", b"", "root_ca.crt holds no certificate in PEM format"),
        ("certificate", b"garble", "are not a certificate and an unencrypted key in PEM format"),
        ("private_key", b"garble", "are not a certificate and an unencrypted key in PEM format"),
        ("private_key", Pki().server().private_key, "host.key is not the key of "),
    ],
)
def test_certificates_that_cannot_be_used_are_told_apart(
    tmp_path: Path, role: str, content: bytes, told: str
) -> None:
    files = write_certificates(Pki(), tmp_path)
    files[role].write_bytes(content)

    with pytest.raises(CertificateError) as refused:
        find_certificates(**files)

    assert told in str(refused.value)


def test_a_key_with_a_password_is_refused_rather_than_asked_for(tmp_path: Path) -> None:
    files = write_certificates(Pki(), tmp_path)
    key = load_pem_private_key(files["private_key"].read_bytes(), password=None)
    files["private_key"].write_bytes(
        key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"correct horse")
        )
    )

    with pytest.raises(CertificateError, match="an unencrypted key"):
        find_certificates(**files)


# ---------------------------------------------------------------- renewal


def test_files_are_read_again_when_they_have_changed_and_only_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = write_certificates(Pki(), tmp_path)
    renewal = Renewal(find_certificates(**files))

    assert renewal.changed_configuration() is None
    write_certificates(Pki(), tmp_path)
    assert renewal.changed_configuration() is not None
    assert renewal.changed_configuration() is None
    files["certificate"].unlink()
    assert renewal.changed_configuration() is None
    assert "the renewed certificates are not used" in caplog.text


async def works(port: int, shown: ClientCredentials) -> bool:
    """Connect anew; return whether the server lets this client in."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    shows = channel_credentials(shown)
    async with grpc.aio.secure_channel(f"localhost:{port}", shows, options) as channel:
        try:
            await director_stub(channel).GetEnvoys(director_pb2.GetEnvoysRequest())
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
        return True


@pytest.mark.wire
async def test_renewed_certificates_are_used_from_the_next_connection_on(tmp_path: Path) -> None:
    before, after = Pki(), Pki()
    server = DirectorGRPCServer(
        director_cls=FakeDirector,
        listen_host="localhost",
        listen_port=0,
        **write_certificates(before, tmp_path),
    )
    async with server.serving():
        assert await works(server.port, before.client("alice"))
        assert not await works(server.port, after.client("alice"))

        write_certificates(after, tmp_path)

        assert await works(server.port, after.client("alice"))
        assert not await works(server.port, before.client("alice"))


@pytest.mark.wire
@pytest.mark.parametrize("role", ["root_certificate", "private_key", "certificate"])
@pytest.mark.parametrize("content", [None, b"garble"], ids=["gone", "garbled"])
async def test_a_renewal_that_is_half_done_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, role: str, content: bytes | None
) -> None:
    caplog.set_level(logging.INFO)
    pki = Pki()
    files = write_certificates(pki, tmp_path)
    server = DirectorGRPCServer(
        director_cls=FakeDirector, listen_host="localhost", listen_port=0, **files
    )
    async with server.serving():
        if content is None:
            files[role].unlink()
        else:
            files[role].write_bytes(content)

        assert await works(server.port, pki.client("alice"))
        assert await works(server.port, pki.client("alice"))
        write_certificates(pki, tmp_path)
        assert await works(server.port, pki.client("alice"))

    told = [record.getMessage() for record in caplog.records]
    assert len([line for line in told if "renewed certificates are not used" in line]) == 1
    assert told.count("the certificates were renewed") == 1


@pytest.mark.wire
async def test_clients_that_reconnect_during_renewals_are_never_turned_away(tmp_path: Path) -> None:
    pki = Pki()
    files = write_certificates(pki, tmp_path)
    server = DirectorGRPCServer(
        director_cls=FakeDirector, listen_host="localhost", listen_port=0, **files
    )
    connections = 0
    connected, over = asyncio.Event(), asyncio.Event()

    async def reconnect(name: str) -> None:
        nonlocal connections
        while not over.is_set():
            assert await works(server.port, pki.client(name))
            connections += 1
            connected.set()

    async def renew() -> None:
        for _ in range(20):
            renewed = pki.server()
            # As tools do it: a file at a time, each in one move, and clients come in between.
            for role, content in (
                ("private_key", renewed.private_key),
                ("certificate", renewed.certificate),
                ("root_certificate", renewed.root_certificate),
            ):
                fresh = tmp_path / "fresh"
                fresh.write_bytes(content)
                fresh.replace(files[role])
                connected.clear()
                await connected.wait()
        over.set()

    async with server.serving(), asyncio.TaskGroup() as everybody:
        everybody.create_task(renew())
        for name in ("alice", "bob"):
            everybody.create_task(reconnect(name))

    assert connections >= 60


def test_files_that_are_replaced_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = Pki(), Pki()
    files = write_certificates(before, tmp_path)
    renewal = Renewal(find_certificates(**files))
    read = renewal.configuration

    def read_late() -> grpc.ServerCertificateConfiguration:
        write_certificates(after, tmp_path)
        return read()

    write_certificates(before, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(renewal, "configuration", read_late)
        assert renewal.changed_configuration() is None

    assert renewal.changed_configuration() is not None
    assert renewal.changed_configuration() is None


@pytest.mark.wire
async def test_a_folder_whose_link_is_moved_to_another_is_a_renewal(tmp_path: Path) -> None:
    # So does Kubernetes with the secrets that it mounts.
    before, after = Pki(), Pki()
    folders = {name: tmp_path / name for name in ("before", "after")}
    for name, pki in (("before", before), ("after", after)):
        folders[name].mkdir()
        write_certificates(pki, folders[name])
    current = tmp_path / "current"
    current.symlink_to(folders["before"])
    files = {
        role: current / path.name
        for role, path in write_certificates(before, folders["before"]).items()
    }
    server = DirectorGRPCServer(
        director_cls=FakeDirector, listen_host="localhost", listen_port=0, **files
    )
    async with server.serving():
        assert await works(server.port, before.client("alice"))

        moved = tmp_path / "moved"
        moved.symlink_to(folders["after"])
        moved.replace(current)

        assert await works(server.port, after.client("alice"))
        assert not await works(server.port, before.client("alice"))
