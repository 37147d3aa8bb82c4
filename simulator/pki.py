"""Certificates for one run: an authority, the Director's, one for each actor, and all the bad ones.

Keys are random on every run, so nothing of them may enter a history.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulator.network.api import ClientCredentials, ServerCredentials
from simulator.world import BadCertificate

MEMORY_HOST = "director"
"""What the Director is called in the network that has no addresses."""

# Far enough from any clock, real or simulated, that a run could have.
_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
_LONG_AGO_TOO = datetime(2002, 1, 1, tzinfo=UTC)
_FAR_AHEAD = datetime(2900, 1, 1, tzinfo=UTC)
_FARTHER_AHEAD = datetime(2901, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Pki:
    """One certificate authority and what it issued."""

    _authority: trustme.CA = field(default_factory=trustme.CA)
    _clients: dict[str, ClientCredentials] = field(default_factory=dict)
    _server: ServerCredentials | None = None

    @classmethod
    def of_authority(cls, certificate: bytes, private_key: bytes) -> "Pki":
        """Return one that issues in the name of an authority which is there already, both PEM.

        Raises:
            ValueError: they are not PEM, have a password, or do not belong together.
        """
        known = x509.load_pem_x509_certificate(certificate).public_key()
        try:
            key = serialization.load_pem_private_key(private_key, password=None)
        except TypeError as error:
            raise ValueError("the authority's key has a password") from error
        if key.public_key() != known:
            raise ValueError("the authority's key is not that of its certificate")
        return cls(_authority=trustme.CA.from_pem(certificate, private_key))

    @property
    def root_certificate(self) -> bytes:
        """What both sides trust, PEM."""
        return self._authority.cert_pem.bytes()

    def server(self) -> ServerCredentials:
        """Return what the Director shows; good for loopback and for the network in memory."""
        if self._server is None:
            leaf = self._authority.issue_cert("localhost", "127.0.0.1", "::1", MEMORY_HOST)
            self._server = ServerCredentials(
                root_certificate=self.root_certificate,
                private_key=leaf.private_key_pem.bytes(),
                certificate=leaf.cert_chain_pems[0].bytes(),
            )
        return self._server

    def client(self, common_name: str) -> ClientCredentials:
        """Return the credentials of an actor, the same ones each time."""
        known = self._clients.get(common_name)
        if known is None:
            known = self._shown(self._authority.issue_cert(common_name=common_name))
            self._clients[common_name] = known
        return known

    def bad(self, kind: BadCertificate, common_name: str) -> ClientCredentials | None:
        """Return what a server must not let in; None stands for no TLS at all."""
        match kind:
            case BadCertificate.PLAINTEXT:
                return None
            case BadCertificate.MISSING:
                return ClientCredentials(root_certificate=self.root_certificate)
            case BadCertificate.SELF_SIGNED:
                return self._self_signed(common_name)
            case BadCertificate.EXPIRED:
                leaf = self._dated(common_name, _LONG_AGO, _LONG_AGO_TOO)
            case BadCertificate.NOT_YET_VALID:
                leaf = self._dated(common_name, _FAR_AHEAD, _FARTHER_AHEAD)
            case BadCertificate.FOREIGN_CA:
                leaf = trustme.CA().issue_cert(common_name=common_name)
            case BadCertificate.NO_COMMON_NAME:
                leaf = self._authority.issue_cert("nobody.invalid")
            case _:
                assert_never(kind)
        return self._shown(leaf)

    def _dated(self, common_name: str, start: datetime, end: datetime) -> trustme.LeafCert:
        return self._authority.issue_cert(common_name=common_name, not_before=start, not_after=end)

    def _shown(self, leaf: trustme.LeafCert) -> ClientCredentials:
        return ClientCredentials(
            root_certificate=self.root_certificate,
            private_key=leaf.private_key_pem.bytes(),
            certificate=leaf.cert_chain_pems[0].bytes(),
        )

    def _self_signed(self, common_name: str) -> ClientCredentials:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_LONG_AGO)
            .not_valid_after(_FAR_AHEAD)
            .sign(key, hashes.SHA256())
        )
        return ClientCredentials(
            root_certificate=self.root_certificate,
            private_key=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
        )
