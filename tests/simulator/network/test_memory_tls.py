"""Handshakes in memory: what the conformance suite cannot reach because it needs a moving clock."""

import pytest
import trustme
from cryptography import x509

from simulator.network import memory_tls
from simulator.network.api import ClientCredentials, ServerCredentials
from simulator.network.memory_tls import HandshakeError, Handshakes

NOW = 1_750_000_000.0
A_DAY = 86_400.0


def server(authority: trustme.CA) -> ServerCredentials:
    certificate = authority.issue_cert("localhost", common_name="director")
    return ServerCredentials(
        root_certificate=authority.cert_pem.bytes(),
        private_key=certificate.private_key_pem.bytes(),
        certificate=certificate.cert_chain_pems[0].bytes(),
    )


def client(authority: trustme.CA, certificate: trustme.LeafCert) -> ClientCredentials:
    return ClientCredentials(
        root_certificate=authority.cert_pem.bytes(),
        private_key=certificate.private_key_pem.bytes(),
        certificate=b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
    )


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def test_a_certificate_is_read_once_but_its_dates_count_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority, clock, reads = trustme.CA(), Clock(), list[bytes]()
    read = memory_tls._read

    def counting(certificate: bytes, key: bytes, root: bytes) -> memory_tls._Certificate:
        reads.append(certificate)
        return read(certificate, key, root)

    monkeypatch.setattr(memory_tls, "_read", counting)
    handshakes = Handshakes(server(authority), clock)
    bob = client(authority, authority.issue_cert("bob.example", common_name="bob"))

    for _ in range(3):
        assert handshakes.shake(bob)["x509_common_name"] == [b"bob"]
    assert len(reads) == 2, "the client's and the server's"
    clock.now += 2_000 * 365 * A_DAY
    with pytest.raises(HandshakeError, match="expired"):
        handshakes.shake(bob)
    clock.now = 0.0
    with pytest.raises(HandshakeError, match="not yet valid"):
        handshakes.shake(bob)
    assert len(reads) == 2


def test_a_refusal_is_remembered_too() -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    handshakes = Handshakes(server(authority), Clock())
    eve = client(authority, stranger.issue_cert("eve.example", common_name="eve"))

    for _ in range(2):
        with pytest.raises(HandshakeError, match="issuer"):
            handshakes.shake(eve)


def test_who_is_no_authority_can_vouch_for_nobody() -> None:
    authority = trustme.CA()
    bob = authority.issue_cert("bob.example", common_name="bob")
    impostor = trustme.CA()
    # Signed by bob's key and naming bob as issuer, which is all that bob can do.
    forged = _signed_by(bob, impostor.issue_cert("eve.example", common_name="eve"))
    handshakes = Handshakes(server(authority), Clock())

    with pytest.raises(HandshakeError, match="issuer"):
        handshakes.shake(
            ClientCredentials(
                root_certificate=authority.cert_pem.bytes(),
                private_key=forged[0],
                certificate=forged[1] + bob.cert_chain_pems[0].bytes(),
            )
        )


def _signed_by(issuer: trustme.LeafCert, subject: trustme.LeafCert) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415

    issuing = x509.load_pem_x509_certificate(issuer.cert_chain_pems[0].bytes())
    key = serialization.load_pem_private_key(issuer.private_key_pem.bytes(), None)
    shown = x509.load_pem_x509_certificate(subject.cert_chain_pems[0].bytes())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(shown.subject)
        .issuer_name(issuing.subject)
        .public_key(shown.public_key())
        .serial_number(1)
        .not_valid_before(shown.not_valid_before_utc)
        .not_valid_after(shown.not_valid_after_utc)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    encoded = certificate.public_bytes(serialization.Encoding.PEM)
    return subject.private_key_pem.bytes(), encoded


@pytest.mark.parametrize("garbage", [b"", b"not a certificate"])
def test_garbage_is_no_certificate(garbage: bytes) -> None:
    authority = trustme.CA()
    handshakes = Handshakes(server(authority), Clock())
    bob = authority.issue_cert("bob.example", common_name="bob")

    with pytest.raises(HandshakeError):
        handshakes.shake(
            ClientCredentials(
                root_certificate=authority.cert_pem.bytes(),
                private_key=bob.private_key_pem.bytes(),
                certificate=garbage,
            )
        )


def test_a_certificate_with_nothing_but_a_common_name_will_do() -> None:
    authority = trustme.CA()
    handshakes = Handshakes(server(authority), Clock())

    seen = handshakes.shake(client(authority, authority.issue_cert(common_name="bob")))

    assert seen["x509_common_name"] == [b"bob"]
    assert "x509_subject_alternative_name" not in seen
