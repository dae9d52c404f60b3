"""A certified OpenID provider nobody here wrote, npm `oidc-provider`, as a process: what it does, a script says.

It is installed once into the user's cache folder; node and npm must be there.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import jwt

from twisted_hoop.demo.keyring import KeyRing

VERSION = "9.13.3"


class OidcProvider:
    """One provider at a port; `script` is a .mjs file whose arguments are port, key file, and what `start` is given."""

    def __init__(self, script: Path, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._script, self._port, self._folder = script, port, folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, ring: KeyRing, *arguments: str) -> None:
        """Run it with these keys until it says `ready`."""
        keys = self._folder / "keys.json"
        keys.write_text(json.dumps(private_jwks(ring)))
        command = ["node", str(installed(self._script)), str(self._port), str(keys), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        seen = ""
        for line in self._process.stdout:
            seen += line
            if line.strip() == "ready":
                return
        raise AssertionError(f"the provider does not start:\n{seen}")

    def stop(self) -> None:
        """End it. Idempotent."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


def free_port() -> int:
    """A port of loopback nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installed(script: Path) -> Path:
    """The script, beside the provider it imports."""
    return node_script(script, f"oidc-provider@{VERSION}")


def node_script(script: Path, package: str) -> Path:
    """The script, beside the npm package (`name@version`) it imports, which is installed when it is missing."""
    assert shutil.which("node") and shutil.which("npm"), "node and npm are needed for this test"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "twisted-hoop" / package.replace("@", "-")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", package]
            subprocess.run([*command, "--prefix", str(folder)], check=True, timeout=120)
            (folder / "done").touch()
        copy = folder / script.name
        if not copy.exists() or copy.read_bytes() != script.read_bytes():
            shutil.copy(script, copy)
    return copy


def private_jwks(ring: KeyRing) -> dict[str, Any]:
    """The ring's keys as a JWK Set, private halves and all."""
    keys = []
    for kid, key in ring.keys.items():
        public = next(jwk for jwk in ring.jwks()["keys"] if jwk["kid"] == kid)
        private = json.loads(jwt.get_algorithm_by_name(public["alg"]).to_jwk(key))  # type: ignore[arg-type]
        keys.append({**public, **{name: private[name] for name in private if name != "key_ops"}})
    for made in keys:
        made.pop("key_ops", None)
    return {"keys": keys}
