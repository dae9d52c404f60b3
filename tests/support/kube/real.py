"""A real cluster in place of the server of the tests: whatever HOOP_TEST_KUBECONFIG names, by its present context."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped, unused-ignore]

VARIABLE = "HOOP_TEST_KUBECONFIG"
"""The path of a kubeconfig with a CA and either a token or a client certificate, of somebody who may do everything."""


@dataclass(frozen=True)
class RealCluster:
    """As much of it as a gateway's target needs."""

    host: str
    port: int
    ca: Path
    token: str = ""
    certificate: Path | None = None
    key: Path | None = None
    real: bool = True


def real_cluster(folder: Path) -> RealCluster | None:
    """The named cluster; None when none is named."""
    file = os.environ.get(VARIABLE)
    if not file:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = yaml.safe_load(Path(file).read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    where = urlsplit(cluster["server"])
    ca = _file(cluster, "certificate-authority", folder, Path(file).parent)
    assert ca is not None and where.hostname is not None, "a kubeconfig with a server and its CA is needed"
    certificate = _file(user, "client-certificate", folder, Path(file).parent)
    key = _file(user, "client-key", folder, Path(file).parent)
    return RealCluster(where.hostname, where.port or 443, ca, user.get("token", ""), certificate, key)


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in items if each["name"] == name)


def _file(section: dict[str, Any], field: str, folder: Path, base: Path) -> Path | None:
    if section.get(f"{field}-data"):
        place = folder / f"{field}.pem"
        place.touch(mode=0o600)
        place.write_bytes(base64.b64decode(section[f"{field}-data"]))
        return place
    return base / section[field] if section.get(field) else None
