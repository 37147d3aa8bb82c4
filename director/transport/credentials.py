"""The server's certificates: found, checked before use, and read again when they are renewed."""

import logging
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import grpc

from director.transport import expiry

_log = logging.getLogger(__name__)

PathLike = str | Path | None


class CertificateError(ValueError):
    """The server cannot serve over TLS; the message names every file that is at fault, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Where the server's certificates are, in PEM: whom it trusts, its key, and what it shows."""

    root_certificate: Path
    private_key: Path
    certificate: Path

    def items(self) -> Iterator[tuple[str, Path]]:
        """Yield each file's role and path."""
        for item in fields(self):
            yield item.name, getattr(self, item.name)


def find_certificates(
    *, root_certificate: PathLike, private_key: PathLike, certificate: PathLike
) -> CertificateFiles:
    """Return the three files as absolute paths, once it is known that they can be used.

    Raises:
        CertificateError: one is not given, not there, unreadable, or does not fit the others.
    """
    given = {
        "root_certificate": root_certificate,
        "private_key": private_key,
        "certificate": certificate,
    }
    troubles = [trouble for role, path in given.items() if (trouble := _trouble_with(role, path))]
    if troubles:
        raise CertificateError(
            f"TLS needs certificates: {'; '.join(troubles)} (without TLS, none are needed)"
        )
    files = CertificateFiles(
        **{role: Path(path).absolute() for role, path in given.items() if path is not None}
    )
    _check_contents(files)
    return files


def server_credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """Return credentials that demand client certificates and follow the files as they change."""
    renewal = Renewal(files)
    return grpc.dynamic_ssl_server_credentials(
        renewal.configuration(),
        # None, where nothing has changed, is missing from the library's type.
        renewal.changed_configuration,  # type: ignore[arg-type]
        require_client_authentication=True,
    )


class Renewal:
    """Looks at the files at every handshake, which costs microseconds, and reads what is new."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._stamp = _stamp(files)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """Return what the files hold now."""
        content = {role: path.read_bytes() for role, path in self._files.items()}
        return grpc.ssl_server_certificate_configuration(
            [(content["private_key"], content["certificate"])],
            root_certificates=content["root_certificate"],
        )

    def changed_configuration(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what to use from now on; None: the same as before."""
        stamp = _stamp(self._files)
        if stamp == self._stamp:
            return None
        try:
            # A renewal that is half done is no reason to refuse everybody.
            _check_contents(self._files)
            configuration = self.configuration()
        except (CertificateError, OSError) as error:
            self._stamp = stamp
            _log.error("the renewed certificates are not used: %s", error)
            return None
        if _stamp(self._files) != stamp:
            # What was read may be half of one renewal and half of the next: look again next time.
            return None
        self._stamp = stamp
        _log.info("the certificates were renewed")
        expiry.tell(self._files.items())
        return configuration


def _stamp(files: CertificateFiles) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(_file_stamp(path) for _, path in files.items())


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _trouble_with(role: str, path: PathLike) -> str | None:
    if not path:
        return f"{role} is not given"
    try:
        Path(path).read_bytes()
    except FileNotFoundError:
        return f"{role} {path} does not exist"
    except OSError as error:
        return f"{role} {path} cannot be read ({error.strerror})"
    return None


def _check_contents(files: CertificateFiles) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(files.root_certificate)
    except ssl.SSLError:
        raise CertificateError(
            f"root_certificate {files.root_certificate} holds no certificate in PEM format"
        ) from None
    try:
        context.load_cert_chain(files.certificate, files.private_key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(
                f"private_key {files.private_key} is not the key of {files.certificate}"
            ) from None
        raise CertificateError(
            f"certificate {files.certificate} and private_key {files.private_key}"
            " are not a certificate and an unencrypted key in PEM format"
        ) from None


def _no_password() -> str:
    # Otherwise OpenSSL would ask for one on the terminal.
    return ""
