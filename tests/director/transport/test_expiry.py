"""Certificates that are not valid any more, or soon not: an operator hears of it."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from director.transport.expiry import tell, watched

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Noon:
    def now(self) -> float:
        return NOW.timestamp()


CLOCK = Noon()


def issued(folder: Path, *, begin: datetime, end: datetime) -> tuple[str, Path]:
    """A certificate as a server has it, with its role."""
    path = folder / "host.crt"
    leaf = trustme.CA().issue_cert("director", not_before=begin, not_after=end)
    path.write_bytes(leaf.cert_chain_pems[0].bytes())
    return "certificate", path


@pytest.mark.parametrize(
    ("begin", "end", "told"),
    [
        (-9, -1, "ERROR certificate {path} has expired on 2026-11-23 12:00 UTC"),
        (1, 9, "ERROR certificate {path} is not valid before 2026-11-25 12:00 UTC"),
        (-9, 5, "WARNING certificate {path} expires on 2026-11-29 12:00 UTC, in 5 days"),
    ],
)
def test_what_is_wrong_with_a_certificates_dates_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, begin: int, end: int, told: str
) -> None:
    days = [NOW + timedelta(days=number) for number in (begin, end)]
    role, path = issued(tmp_path, begin=days[0], end=days[1])

    tell([(role, path)], clock=CLOCK)

    (record,) = caplog.records
    assert f"{record.levelname} {record.getMessage()}".startswith(told.format(path=path))


def test_nothing_is_told_of_what_is_valid_for_long_or_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    good = issued(tmp_path, begin=NOW - timedelta(days=9), end=NOW + timedelta(days=90))
    garbled = tmp_path / "garbled.crt"
    garbled.write_bytes(b"garble")

    tell(
        [
            good,
            ("certificate", garbled),
            ("certificate", tmp_path / "none"),
            ("private_key", garbled),
        ],
        clock=CLOCK,
    )

    assert caplog.records == []


def test_an_authority_among_others_may_have_expired(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, path = issued(tmp_path, begin=NOW - timedelta(days=9), end=NOW - timedelta(days=1))
    _, other = issued(tmp_path, begin=NOW - timedelta(days=9), end=NOW - timedelta(days=1))
    expired = other.read_bytes()
    path.write_bytes(expired + trustme.CA().cert_pem.bytes())

    tell([("root_certificate", path)], clock=CLOCK)
    assert caplog.records == []
    tell([("certificate", path)], clock=CLOCK)

    assert "has expired" in caplog.text


async def test_it_is_told_every_day(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expired = issued(tmp_path, begin=NOW - timedelta(days=9), end=NOW - timedelta(days=1))

    async with watched([expired], clock=CLOCK):
        await asyncio.sleep(2.5 * 24 * 60 * 60)

    assert len(caplog.records) == 3
