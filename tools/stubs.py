"""Generates the stubs of proto/ from its .proto files, or proves that the committed ones are what would be generated.

The generator has a lock and an environment of its own in proto/toolchain, which Poetry makes on first use.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.projects import ROOT

PROTO = ROOT / "proto"
SOURCES = PROTO / "src"


def generate(folder: Path) -> None:
    """Write the stubs below the folder."""
    subprocess.run(
        [
            *(_toolchain_python(), "-m", "grpc_tools.protoc", "-Iprotos"),
            *(f"--python_out={folder}", f"--grpc_python_out={folder}"),
            *(f"--mypy_out={folder}", f"--mypy_grpc_out=quiet:{folder}"),
            *(str(path.relative_to(PROTO)) for path in sorted(PROTO.glob("protos/**/*.proto"))),
        ],
        cwd=PROTO,
        env={**os.environ, "PATH": os.pathsep.join((str(_toolchain_python().parent), os.environ["PATH"]))},
        check=True,
    )


def differences(fresh: Path) -> list[str]:
    """The stubs that are missing, left over, or not what was generated into the folder."""
    kinds = ("*_pb2*.py", "*_pb2*.pyi")
    names = {str(path.relative_to(top)) for top in (fresh, SOURCES) for kind in kinds for path in top.rglob(kind)}
    same, _, _ = filecmp.cmpfiles(fresh, SOURCES, names, shallow=False)
    return sorted(names - set(same))


def _toolchain_python() -> Path:
    return PROTO / "toolchain/.venv/bin/python"


def _fill_toolchain() -> None:
    own = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(["poetry", "sync", "--quiet"], cwd=PROTO / "toolchain", env=own, check=True)


def main(arguments: list[str]) -> int:
    """Write the stubs, or with --check only compare."""
    _fill_toolchain()
    if arguments != ["--check"]:
        generate(SOURCES)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        found = differences(Path(folder))
    print("\n".join(f"{name} is not what its .proto says; run: tox -e proto-generate" for name in found) or "fresh")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
