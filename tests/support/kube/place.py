"""A live gateway before a cluster, and kubectl for each of the people: the server of the tests, or a real cluster."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.gateway import Gateway, Plan, start_gateway, token_of
from tests.support.kube.cluster import ApiServer, start_api_server, write_kubeconfig
from tests.support.kube.programs import Ran, kubectl_path, run
from tests.support.kube.real import RealCluster, real_cluster
from tests.support.sections import listener

PLAIN, MASKED, RESTORING = "plain", "masked", "restoring"
"""Targets: the first as the gateway itself and without masks, the second impersonating and with Secrets masked,
the third as well, with masked values put back in writes.

There are two more with masks, for Helm: `releases` shows its own Secrets, `no-releases` refuses them."""

_TARGET = """
[[targets]]
name = "{name}"
protocol = "kubernetes"
endpoint = "{by}tcp:{host}:{port}"
ca = "{ca}"
{credential}
groups = ["ci", "developers"]
{more}
"""
_MASK = """
[[masks]]
name = "secrets"
targets = ["masked", "releases", "no-releases"]
except_groups = ["dba"]
objects = ["Secret/(data|stringData)/.*", "ConfigMap/data/password"]
[[masks]]
name = "restored"
targets = ["restoring"]
except_groups = ["dba"]
objects = ["Secret/(data|stringData)/.*", "ConfigMap/data/password.*", "Pod/env/.*_TOKEN", "Widget/spec/key"]
sentinels = "restore"
[[masks]]
name = "not-restored"
targets = ["restoring"]
except_groups = ["dba"]
objects = ["ConfigMap/data/kept.*"]
[[masks]]
name = "cards"
targets = ["masked"]
objects = []
detect = ["card"]
"""
RULES = """
[[rules]]
name = "closed"
effect = "deny"
targets = ["plain", "masked"]
resources = ["configmaps"]
namespaces = ["closed"]
verbs = ["get", "list", "watch", "create", "patch"]
reason = "nobody works there"
[[rules]]
name = "not-these"
effect = "deny"
targets = ["plain", "masked"]
resources = ["configmaps", "pods/exec"]
verbs = ["delete", "connect"]
names = ["closed-.*"]
reason = "that one is closed"
[[rules]]
name = "held"
effect = "review"
targets = ["plain", "masked"]
resources = ["configmaps", "pods/exec"]
verbs = ["delete", "connect"]
names = ["held-.*"]
approvers = ["dba"]
wait = "40s"
[[rules]]
name = "retried"
effect = "review"
targets = ["plain", "masked"]
resources = ["configmaps"]
verbs = ["delete"]
names = ["retried-.*"]
approvers = ["dba"]
wait = "0s"
[[rules]]
name = "everything"
effect = "allow"
targets = ["plain"]
classes = ["read", "write", "exec", "shell", "dynamic", "attach", "forward", "proxy", "escape", "discovery"]
[[rules]]
name = "usual"
effect = "allow"
targets = ["masked", "restoring", "releases", "no-releases"]
classes = ["read", "write", "exec", "shell", "attach", "forward"]
"""


@dataclass
class KubePlace:
    """The gateway, the cluster behind it, and a folder for kubeconfigs and kubectl's caches."""

    folder: Path
    gateway: Gateway
    cluster: ApiServer | RealCluster
    plan: Plan
    namespace: str = "default"
    """Where tests work; its name is new each time, as a real cluster keeps what is left."""

    @property
    def api(self) -> ApiServer:
        """The server of the tests; tests that look into it say so by this."""
        assert isinstance(self.cluster, ApiServer)
        return self.cluster

    def url(self, path: str = "", target: str = PLAIN) -> str:
        """A URL at the gateway."""
        return f"https://localhost:{self.gateway.ports['web']}/{target}{path}"

    def fresh(self) -> KubePlace:
        """The same gateway and cluster, and a new namespace: for a module of tests."""
        place = replace(self, namespace=f"hoop-{secrets.token_hex(4)}")
        self.kubectl("create", "namespace", place.namespace).well()
        return place

    def gone(self) -> None:
        """No more of that namespace."""
        self.kubectl("delete", "namespace", self.namespace, "--wait=false").well()

    def kubeconfig(self, who: str = "ci", target: str = PLAIN) -> Path:
        """A kubeconfig of somebody."""
        file = self.folder / f"{self.namespace}-{who}-{target}.kubeconfig"
        if not file.exists():
            write_kubeconfig(file, self.url(target=target), self.gateway.ca, token_of(who), self.namespace)
        return file

    def environ(self, who: str = "ci", target: str = PLAIN, **more: str) -> dict[str, str]:
        """What kubectl and Helm find around them."""
        given = {"KUBECONFIG": str(self.kubeconfig(who, target)), "HOME": str(self.folder), "PATH": os.environ["PATH"]}
        return {**given, **more}

    def kubectl(
        self, *arguments: str, who: str = "ci", target: str = PLAIN, version: str = "", stdin: str = "", **more: str
    ) -> Ran:
        """Run kubectl to its end; `more` are environment variables."""
        return run([kubectl_path(version), *arguments], self.environ(who, target, **more), stdin, self.folder)

    @contextlib.contextmanager
    def running(self, *arguments: str, who: str = "ci", target: str = PLAIN) -> Iterator[subprocess.Popen[bytes]]:
        """kubectl as long as the block lasts."""
        pipe = subprocess.PIPE
        command, environ = [kubectl_path(), *arguments], self.environ(who, target)
        process = subprocess.Popen(command, env=environ, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def apply(self, *items: dict[str, Any], who: str = "ci", target: str = PLAIN) -> str:
        """kubectl apply."""
        text = "\n---\n".join(json.dumps(each) for each in items)
        return self.kubectl("apply", "-f", "-", who=who, target=target, stdin=text).well()

    def json(self, *arguments: str, who: str = "ci", target: str = PLAIN) -> Any:
        """`kubectl … -o json`."""
        return json.loads(self.kubectl(*arguments, "-o", "json", who=who, target=target).well())


def plan_of(folder: Path, cluster: ApiServer | RealCluster, more: str = "", by: str = "") -> Plan:
    """The configuration: both targets are the same cluster. `by` is "agent:NAME:" where it is behind one."""
    environ: dict[str, str] = {}
    if isinstance(cluster, ApiServer):
        host, port, credential = "127.0.0.1", cluster.port, _bearer(environ, cluster.token)
    elif cluster.token:
        host, port, credential = cluster.host, cluster.port, _bearer(environ, cluster.token)
    else:
        host, port = cluster.host, cluster.port
        credential = f'credential = "certificate"\ncertificate = "{cluster.certificate}"\nkey = "{cluster.key}"'
    about = {"by": by, "host": host, "port": port, "ca": cluster.ca, "credential": credential}
    text = listener("web", "http", folder / "gateway")
    text += _TARGET.format(name=PLAIN, **about, more="")
    text += _TARGET.format(name=MASKED, **about, more='impersonate = "oidc:{name}"')
    text += _TARGET.format(name=RESTORING, **about, more='impersonate = "oidc:{name}"\nhelm_releases = "allow"')
    text += _TARGET.format(name="releases", **about, more='helm_releases = "allow"')
    text += _TARGET.format(name="no-releases", **about, more='helm_releases = "deny"')
    return Plan(text + _MASK + more + RULES, environ)


def _bearer(environ: dict[str, str], token: str) -> str:
    environ["CLUSTER_TOKEN"] = token
    return 'credential = "bearer"\nsecret = "env:CLUSTER_TOKEN"'


@contextlib.contextmanager
def kube_place(folder: Path, more: str = "", own: bool = False) -> Iterator[KubePlace]:
    """Start both. `own`: always the server of the tests. `more` is configuration in front of the rules."""
    named = None if own else real_cluster(folder / "cluster")
    cluster = named or start_api_server(folder / "cluster")
    plan = plan_of(folder, cluster, more)
    try:
        gateway = start_gateway(folder / "gateway", plan)
        try:
            place = KubePlace(folder, gateway, cluster, plan, f"hoop-{secrets.token_hex(4)}")
            place.kubectl("create", "namespace", place.namespace).well()
            yield place
            if named is not None:
                place.kubectl("delete", "namespace", place.namespace, "--wait=false").well()
        finally:
            gateway.stop()
    finally:
        if isinstance(cluster, ApiServer):
            cluster.stop()
