"""The certificates of a run: good ones carry the name, bad ones are bad in one way each."""

from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509
from cryptography.x509.oid import NameOID

from simulator.network.api import ClientCredentials
from simulator.pki import Pki
from simulator.world import BadCertificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


def certificate_of(credentials: ClientCredentials | None) -> x509.Certificate:
    assert credentials is not None
    assert credentials.certificate is not None
    return x509.load_pem_x509_certificate(credentials.certificate)


def authority_of(pki: Pki) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pki.root_certificate)


def common_names(certificate: x509.Certificate) -> list[str]:
    return [
        str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]


def test_a_client_is_who_its_common_name_says(pki: Pki) -> None:
    certificate = certificate_of(pki.client("hospital-01"))

    assert common_names(certificate) == ["hospital-01"]
    certificate.verify_directly_issued_by(authority_of(pki))


def test_a_client_gets_the_same_credentials_again(pki: Pki) -> None:
    assert pki.client("hospital-02") is pki.client("hospital-02")
    assert pki.client("hospital-02") is not pki.client("hospital-03")


def test_the_server_is_good_for_loopback_and_for_the_network_in_memory(pki: Pki) -> None:
    certificate = x509.load_pem_x509_certificate(pki.server().certificate)

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "director"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    certificate.verify_directly_issued_by(authority_of(pki))


def test_the_server_keeps_its_certificate(pki: Pki) -> None:
    assert pki.server() is pki.server()


def test_an_expired_certificate_is_ours_and_over(pki: Pki) -> None:
    certificate = certificate_of(pki.bad(BadCertificate.EXPIRED, "old"))

    certificate.verify_directly_issued_by(authority_of(pki))
    assert certificate.not_valid_after_utc < NOW


def test_a_certificate_that_is_not_valid_yet_is_ours_and_to_come(pki: Pki) -> None:
    certificate = certificate_of(pki.bad(BadCertificate.NOT_YET_VALID, "early"))

    certificate.verify_directly_issued_by(authority_of(pki))
    assert certificate.not_valid_before_utc > NOW


@pytest.mark.parametrize("kind", [BadCertificate.FOREIGN_CA, BadCertificate.SELF_SIGNED])
def test_a_stranger_is_not_signed_by_our_authority(pki: Pki, kind: BadCertificate) -> None:
    certificate = certificate_of(pki.bad(kind, "hospital-01"))

    assert common_names(certificate) == ["hospital-01"]
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc
    with pytest.raises((ValueError, TypeError)):
        certificate.verify_directly_issued_by(authority_of(pki))


def test_a_self_signed_certificate_is_signed_by_itself(pki: Pki) -> None:
    certificate = certificate_of(pki.bad(BadCertificate.SELF_SIGNED, "selfish"))

    certificate.verify_directly_issued_by(certificate)


def test_a_certificate_without_a_name_is_good_in_every_other_way(pki: Pki) -> None:
    certificate = certificate_of(pki.bad(BadCertificate.NO_COMMON_NAME, "nobody"))

    assert common_names(certificate) == []
    certificate.verify_directly_issued_by(authority_of(pki))
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc


def test_a_missing_certificate_still_trusts_the_server(pki: Pki) -> None:
    credentials = pki.bad(BadCertificate.MISSING, "bare")

    assert credentials == ClientCredentials(root_certificate=pki.root_certificate)


def test_plaintext_is_no_credentials_at_all(pki: Pki) -> None:
    assert pki.bad(BadCertificate.PLAINTEXT, "naked") is None


def test_certificates_may_be_issued_by_an_authority_that_is_there_already() -> None:
    authority = trustme.CA()
    pki = Pki.of_authority(authority.cert_pem.bytes(), authority.private_key_pem.bytes())

    issued = certificate_of(pki.client("alice"))

    assert pki.root_certificate == authority.cert_pem.bytes()
    issued.verify_directly_issued_by(authority_of(pki))


def test_an_authority_has_the_key_of_its_certificate() -> None:
    one, other = trustme.CA(), trustme.CA()

    with pytest.raises(ValueError, match="not that of its certificate"):
        Pki.of_authority(one.cert_pem.bytes(), other.private_key_pem.bytes())
    with pytest.raises(ValueError, match="PEM"):
        Pki.of_authority(b"nonsense", other.private_key_pem.bytes())
