"""Certificates that end: read as they are, told of in time, and refused when it is too late."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
from antiphon_core import expiry
from antiphon_core.errors import BadSettings
from antiphon_core.expiry import DAY_S, ExpiryWatch, end_of_authorities, end_of_chain
from antiphon_core.tls import Certificates
from certificates import Authority
from structlog.testing import capture_logs

FILE = Path("tls.crt")


def pem(until: datetime, authority: trustme.CA | None = None) -> bytes:
    """A certificate with its key's owner alone, without issuers."""
    issued = (authority or trustme.CA()).issue_cert("x.test", not_after=until)
    return issued.cert_chain_pems[0].bytes()


class Clock:
    """The wall's, as a test sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at_s: float) -> None:
        self.at_s = at_s
        monkeypatch.setattr(expiry, "wall_s", lambda: self.at_s)


@pytest.mark.parametrize("year", [2049, 2050, 2068, 2150, 9999])
def test_the_end_of_a_certificate_is_read_as_it_was_written(year: int) -> None:
    until = datetime(year, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    assert end_of_chain(FILE, pem(until)) == until.timestamp()


def test_the_first_of_a_chain_that_ends_counts_and_the_last_of_several_authorities() -> None:
    sooner, later = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2040, 2045))
    both = b"a comment\n" + pem(later) + pem(sooner)
    assert end_of_chain(FILE, both) == sooner.timestamp()
    assert end_of_authorities(FILE, both) == later.timestamp()


def test_what_has_expired_is_refused_with_its_file_its_date_and_what_to_do(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("worker", expired=True)
    yesterday = datetime.now(timezone.utc) - timedelta(1)
    says = rf"the certificate in .*worker\.pem expired on {yesterday:%Y-%m-%d} .* UTC; put a new one and its key"
    with pytest.raises(BadSettings, match=says) as refused:
        Certificates(files)
    assert refused.value.subject == str(files.cert)


def test_authorities_that_have_all_expired_are_refused() -> None:
    gone = pem(datetime(2020, 1, 1, tzinfo=timezone.utc))
    with pytest.raises(BadSettings, match=r"no authority in tls\.crt counts any more, the last expired on 2020-01-01"):
        end_of_authorities(FILE, gone + gone)


def test_an_expired_certificate_does_not_take_the_place_of_one_that_counts(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificates = Certificates(authority.issue("worker"))
    first = certificates.now
    authority.issue("worker", expired=True)
    with capture_logs() as logs:
        assert certificates.now is first
    assert [line["event"] for line in logs] == ["certificates not changed"]
    assert "expired on" in logs[0]["reason"]


def test_what_ends_soon_is_told_of_once_a_day_until_it_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 1_000.0)
    ends = {FILE: 1_000.0 + 15.5 * DAY_S, Path("ca.crt"): 1_000.0 + 900 * DAY_S}
    watch = ExpiryWatch(lambda: 14.0, lambda: ends)

    def told(after_days: float) -> list[tuple[str, object]]:
        clock.at_s = 1_000.0 + after_days * DAY_S
        with capture_logs() as logs:
            watch.look()
        return [(line["file"], line.get("days_left", "expired")) for line in logs]

    assert told(0) == []
    assert told(1.6) == [("tls.crt", 13.9)]
    assert told(2.5) == []
    assert told(2.6) == [("tls.crt", 12.9)]
    ends[FILE] += 5 * DAY_S
    assert told(2.7) == []
    assert told(10.5) == [("tls.crt", 10.0)]
    ends[FILE] -= 5 * DAY_S
    assert told(10.6) == [("tls.crt", 4.9)]
    assert told(15.6) == [("tls.crt", "expired")]


def test_the_time_that_is_left_is_told_by_file(tmp_path: Path) -> None:
    certificates = Certificates(Authority(tmp_path).issue("worker"))
    left_s = ExpiryWatch(lambda: 14.0, certificates.ends).left_s()
    assert 8.9 * DAY_S < left_s[str(tmp_path / "worker.pem")] < 9.1 * DAY_S
    assert left_s[str(tmp_path / "ca.pem")] > 100 * DAY_S
