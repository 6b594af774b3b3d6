"""Certificates of one's own: good for what they were made for, and for nothing else."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.tls import TlsFiles, read_pems
from antiphon_orchestrator.authority import Authority, Use
from antiphon_orchestrator.cli import tls
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError


def verify(folder: Path, owner: str, *, by: Path | None = None) -> Sequence[str]:
    """What a stranger's verifier finds it to be for, as a server of that name."""
    builder = PolicyBuilder().store(Store([x509.load_pem_x509_certificate((by or folder / "ca.crt").read_bytes())]))
    certificate = x509.load_pem_x509_certificate((folder / owner / "tls.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts: list[str] = names.get_values_for_type(x509.DNSName)
    builder.build_server_verifier(x509.DNSName(hosts[0])).verify(certificate, [])
    return hosts


def test_what_is_made_is_what_either_side_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tls.main(["make", str(tmp_path / "tls"), "--host", "voice.example.org", "--host", "192.0.2.7"]) == 0
    folder = tmp_path / "tls"
    assert verify(folder, "worker") == ["antiphon-worker"]
    assert verify(folder, "public") == ["voice.example.org", "localhost"]
    for owner in ("worker", "orchestrator"):
        read_pems(TlsFiles(folder / owner / "ca.crt", folder / owner / "tls.crt", folder / owner / "tls.key"))
    assert f"--tls-client-ca {folder}/worker/ca.crt" in capsys.readouterr().out


def test_what_calls_cannot_serve(tmp_path: Path) -> None:
    tls.main(["make", str(tmp_path)])
    with pytest.raises(VerificationError):
        verify(tmp_path, "orchestrator")


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    tls.main(["make", str(tmp_path)])
    keys = list(tmp_path.rglob("*.key"))
    assert len(keys) == 4
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_made_again_the_authority_stays_and_the_rest_is_new(tmp_path: Path) -> None:
    tls.main(["make", str(tmp_path)])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    tls.main(["make", str(tmp_path)])
    after = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert {path.name for path in after if after[path] == before[path]} == {"ca.crt", "ca.key"}
    verify(tmp_path, "worker")


@pytest.mark.parametrize("content", ["", "no key"])
def test_an_authority_that_cannot_be_read_is_not_replaced(tmp_path: Path, content: str) -> None:
    tls.main(["make", str(tmp_path)])
    (tmp_path / "ca.key").write_text(content)
    with pytest.raises(BadSettings, match=r"cannot read the authority in .*ca\.crt and .*ca\.key"):
        tls.main(["make", str(tmp_path)])
    assert (tmp_path / "ca.key").read_text() == content


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match=r"cannot write to .*file"):
        tls.main(["make", str(tmp_path / "file")])


def test_an_authority_can_be_told_from_another_of_the_same_name(tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(Authority.new().pair.cert)
    (tmp_path / "w").mkdir()
    Authority.new().issue("w", Use.SERVING).write(tmp_path / "w" / "tls.crt", tmp_path / "w" / "tls.key")
    with pytest.raises(VerificationError):
        verify(tmp_path, "w", by=other)
