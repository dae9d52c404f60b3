"""The API server's process: `python -m tests.support.kube.server FOLDER`; prints `port=N`, ends when stdin does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
from pathlib import Path

from tests.support.kube.access import MASTERS, User
from tests.support.kube.api import Api
from tests.support.kube.store import Store, now
from tests.support.kube.wire import Connection

NAMESPACES = ("default", "kube-system", "kube-public")
NODES = ("node-1", "node-2")
_LONGEST_HEADERS = 1 << 20


def fill(store: Store) -> None:
    """What a cluster has when it is new. Whoever is authenticated may do everything: tests take that away."""
    for name in NAMESPACES:
        labels = {"kubernetes.io/metadata.name": name}
        about = {"name": name, "labels": labels}
        store.create(store.named("Namespace"), {"metadata": about, "spec": {}, "status": {"phase": "Active"}})
    for name in NODES:
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": now()}
        info = {"kubeletVersion": "v1.36.0", "operatingSystem": "linux", "architecture": "amd64"}
        addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
        status = {"conditions": [ready], "nodeInfo": info, "addresses": addresses, "capacity": {}, "allocatable": {}}
        store.create(store.named("Node"), {"metadata": {"name": name}, "spec": {}, "status": status})
    everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    reading = [
        {"verbs": ["get", "list", "watch"], "apiGroups": ["*"], "resources": ["pods", "configmaps", "deployments"]}
    ]
    for name, rules in (("cluster-admin", everything), ("view", reading)):
        store.create(store.named("ClusterRole"), {"metadata": {"name": name}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]
    binding = {"metadata": {"name": "everybody"}, "roleRef": role, "subjects": subjects}
    store.create(store.named("ClusterRoleBinding"), binding)


def tls(folder: Path) -> ssl.SSLContext:
    """Its certificate; clients may show theirs. Only HTTP/1.1 is spoken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


async def main(folder: Path) -> None:
    """Serve until stdin ends."""
    given = json.loads((folder / "tokens.json").read_text())
    tokens = {token: User(name, tuple(groups)) for token, (name, groups) in given.items()}
    assert any(MASTERS in user.groups for user in tokens.values())
    with (folder / "requests.jsonl").open("a") as log:
        api = Api(folder, tokens, log)
        fill(api.store)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await api.serve(Connection(reader, writer))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls(folder), limit=_LONGEST_HEADERS)
        print(f"port={server.sockets[0].getsockname()[1]}", flush=True)
        ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await ended
        server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
