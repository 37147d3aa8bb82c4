"""Certificates in files, as OpenFL's programs want them: root_ca.crt, NAME.crt and NAME.key."""

from collections.abc import Iterable
from pathlib import Path

from simulator.pki import Pki

SERVER = "localhost"


def write_certificates(folder: Path, names: Iterable[str]) -> Path:
    """Write an authority's certificate, the Director's and one for each name; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pki = Pki()
    issued = {SERVER: pki.server()} | {name: pki.client(name) for name in names}
    for name, credentials in issued.items():
        assert credentials.private_key is not None
        assert credentials.certificate is not None
        (folder / f"{name}.key").write_bytes(credentials.private_key)
        (folder / f"{name}.crt").write_bytes(credentials.certificate)
    (folder / "root_ca.crt").write_bytes(pki.root_certificate)
    return folder
