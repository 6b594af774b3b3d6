"""Certificates in files: read again when they change, and kept when the new ones are broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.tls import Certificates
from certificates import Authority
from structlog.testing import capture_logs


def test_the_same_certificates_count_until_the_files_change(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificates = Certificates(authority.issue("worker"))
    first = certificates.now
    assert certificates.now is first
    authority.issue("worker")
    assert certificates.now.cert != first.cert
    assert certificates.now is certificates.now


def test_files_that_were_only_touched_change_nothing(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("worker")
    certificates = Certificates(files)
    first = certificates.now
    files.cert.write_bytes(first.cert)
    with capture_logs() as logs:
        assert certificates.now is first
    assert logs == []


def test_a_link_that_is_turned_to_another_folder_is_a_change(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        Authority(tmp_path / version).issue("worker")
    data = tmp_path / "data"
    data.symlink_to(tmp_path / "1")
    files = replace(Authority(tmp_path).issue("other"), cert=data / "worker.pem", key=data / "worker.key")
    certificates = Certificates(files)
    data.unlink()
    data.symlink_to(tmp_path / "2")
    assert certificates.now.cert == (tmp_path / "2" / "worker.pem").read_bytes()


@pytest.mark.parametrize("broken", ["cert", "key", "ca"])
def test_broken_new_files_are_told_once_and_the_old_ones_count_on(tmp_path: Path, broken: str) -> None:
    files = Authority(tmp_path).issue("worker")
    certificates = Certificates(files)
    first = certificates.now
    path: Path = getattr(files, broken)
    path.write_text("half a fi")
    with capture_logs() as logs:
        assert certificates.now is certificates.now is first
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("certificates not changed", "error")
    assert str(path) in line["reason"]


def test_a_key_that_comes_after_its_certificate_is_waited_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("worker")
    certificates = Certificates(files)
    first, old_key = certificates.now, files.key.read_bytes()
    authority.issue("worker")
    new_key = files.key.read_bytes()
    files.key.write_bytes(old_key)
    assert certificates.now is first
    files.key.write_bytes(new_key)
    assert certificates.now.key == new_key


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = replace(Authority(tmp_path).issue("worker"), key=tmp_path / "none.key")
    with pytest.raises(BadSettings, match=r"cannot read .*none\.key: No such file or directory"):
        Certificates(files)


def test_a_key_of_another_certificate_is_refused_with_both_names(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = replace(authority.issue("worker"), key=authority.issue("other").key)
    with pytest.raises(BadSettings, match=r"worker\.pem cannot be used with key .*other\.key: KEY_VALUES_MISMATCH"):
        Certificates(files)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as pem

    files = Authority(tmp_path).issue("worker")
    key = pem.load_pem_private_key(files.key.read_bytes(), None)
    secret = pem.BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, secret))
    with pytest.raises(BadSettings, match="the key without a password"):
        Certificates(files)
