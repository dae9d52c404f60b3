"""Places that are one server of somebody else's: a vault, a cluster without a gateway before it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.docs_runner.places import ROOT, Place, shim
from tests.docs_runner.shell import Table
from tests.support.kube.cluster import api_server
from tests.support.kube.programs import kubectl_path
from tests.support.vault import ROOT_TOKEN, running_vault


@contextlib.contextmanager
def vault(home: Path) -> Iterator[Place]:
    """OpenBao with the engines that docs/secrets.md is about; `vault` is `bao`, which has the same commands."""
    shim(home / "bin")
    (home / "bin/vault").symlink_to(Path(sys.executable).parent / "bao")
    (home / "server").mkdir()
    with running_vault(home / "server") as running:
        running.call("POST", "sys/mounts/database", {"type": "database"})
        running.call("POST", "sys/mounts/ssh-client-signer", {"type": "ssh"})
        at = {"VAULT_ADDR": running.address, "VAULT_TOKEN": ROOT_TOKEN}
        yield Place(home, Table({}), {}, {**at, "BAO_ADDR": running.address, "BAO_TOKEN": ROOT_TOKEN})


@contextlib.contextmanager
def cluster(home: Path) -> Iterator[Place]:
    """The tests' API server, which publishes no schema that kubectl could hold manifests against."""
    shim(home / "bin")
    (home / "bin/kubectl").symlink_to(kubectl_path())
    with api_server(home / "cluster") as server:
        about = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        server.ask("POST", "/api/v1/namespaces", about)
        rows = {"kubectl apply -k": "kubectl apply --validate=false -k"}
        yield Place(home, Table(rows), {"etc": ROOT / "etc"}, {"KUBECONFIG": str(server.kubeconfig())})
