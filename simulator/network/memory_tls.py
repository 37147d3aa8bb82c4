"""Mutual TLS without bytes: would these two certificates have let each other in?

Signatures, dates and keys are checked for real, once for each certificate; then only the dates.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from simulator.network.api import ClientCredentials, ServerCredentials

AuthContext = Mapping[str, Iterable[bytes]]

PLAINTEXT: AuthContext = {
    "transport_security_type": [b"insecure"],
    "security_level": [b"TSI_SECURITY_NONE"],
}


class HandshakeError(Exception):
    """The two cannot come together; the client sees UNAVAILABLE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Certificate:
    """One that is signed as it should be; valid between two moments, in seconds since 1970."""

    not_before: float
    not_after: float
    auth_context: AuthContext


@dataclass(slots=True)
class Handshakes:
    """The server's side of every handshake, and what was found out about certificates so far."""

    server: ServerCredentials | None
    now: Callable[[], float]
    """Seconds since 1970."""
    _known: dict[tuple[bytes, bytes, bytes], _Certificate | str] = field(default_factory=dict)

    def shake(self, client: ClientCredentials | None) -> AuthContext:
        """Return what the server learns of the client.

        Raises:
            HandshakeError: one of them will not have the other.
        """
        if client is None and self.server is None:
            return PLAINTEXT
        if client is None or self.server is None:
            raise HandshakeError("one side speaks TLS, the other does not")
        if client.certificate is None or client.private_key is None:
            raise HandshakeError("the client showed no certificate")
        server = self.server
        self._valid(server.certificate, server.private_key, client.root_certificate)
        shown = self._valid(client.certificate, client.private_key, server.root_certificate)
        return shown.auth_context

    def _valid(self, certificate: bytes, key: bytes, root: bytes) -> _Certificate:
        known = self._known.get((certificate, key, root))
        if known is None:
            try:
                known = _read(certificate, key, root)
            except ValueError as error:
                known = str(error)
            self._known[certificate, key, root] = known
        if isinstance(known, str):
            raise HandshakeError(known)
        now = self.now()
        if now < known.not_before:
            raise HandshakeError("certificate is not yet valid")
        if now > known.not_after:
            raise HandshakeError("certificate has expired")
        return known


def _read(certificate: bytes, key: bytes, root: bytes) -> _Certificate:
    """Raises ValueError where it is not signed by the root, or not the key's."""
    leaf, *between = x509.load_pem_x509_certificates(certificate)
    if _public(leaf.public_key()) != _public(load_pem_private_key(key, None).public_key()):
        raise ValueError("the private key is not the certificate's")
    chain = _chain(leaf, between, x509.load_pem_x509_certificates(root))
    common_names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    alternatives = _alternative_names(leaf)
    return _Certificate(
        not_before=max(_seconds(one.not_valid_before_utc) for one in chain),
        not_after=min(_seconds(one.not_valid_after_utc) for one in chain),
        auth_context={
            "transport_security_type": [b"ssl"],
            # gRPC tells a name that is not there as an empty one.
            "x509_common_name": [str(common_names[0].value).encode() if common_names else b""],
            "x509_pem_cert": [leaf.public_bytes(Encoding.PEM)],
            "security_level": [b"TSI_PRIVACY_AND_INTEGRITY"],
        }
        | ({"x509_subject_alternative_name": alternatives} if alternatives else {}),
    )


def _chain(
    leaf: x509.Certificate, between: list[x509.Certificate], roots: list[x509.Certificate]
) -> list[x509.Certificate]:
    """Return the certificates from the leaf up to a root."""
    chain = [leaf]
    while chain[-1] not in roots:
        issuer = next((one for one in [*roots, *between] if _is_issued_by(chain[-1], one)), None)
        if issuer is None or issuer in chain:
            raise ValueError("unable to get local issuer certificate")
        chain.append(issuer)
    return chain


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        # Else any client could make certificates for others.
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _alternative_names(certificate: x509.Certificate) -> list[bytes]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value).encode() for name in extension.value]


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
