"""Secrets of a Kubernetes cluster, over its API: `GET /api/v1/namespaces/NS/secrets/NAME` → `data.KEY`, in base64.

The cluster is the one the gateway runs in (KUBERNETES_SERVICE_HOST and the pod's service account, whose token is read
anew each time, for the kubelet replaces it), or that of a kubeconfig's current context (Kubernetes' own documentation,
"Organizing Cluster Access Using kubeconfig Files"). A kubeconfig that runs programs is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.asking import Asker, Trust, is_safe, refused
from twisted_hoop.secrets.files import read_token_file
from twisted_hoop.secrets.kubeconfig import Cluster, read_kubeconfig
from twisted_hoop.secrets.secret import Secret, secret_of
from twisted_hoop.settings.secrets import SERVICE_ACCOUNT


class ClusterSecrets:
    """See the module. `folder` is where a pod finds its service account."""

    def __init__(
        self,
        reactor: Any,
        environ: Mapping[str, str],
        kubeconfig: str,
        timeout: float,
        folder: Path = Path(SERVICE_ACCOUNT),
    ) -> None:
        self._reactor, self._environ, self._timeout = reactor, environ, timeout
        self._kubeconfig, self._folder = kubeconfig, folder

    async def read(self, namespace: str, name: str, key: str) -> Secret:
        """One key of one Secret, or SecretUnavailable."""
        what = f"k8s:{namespace}/{name}"
        cluster = await self._in_thread(self._found)
        if not is_safe(cluster.server):
            raise SecretUnavailable("the cluster's address is neither https nor loopback")
        headers = {"Accept": "application/json"}
        if cluster.token:
            headers["Authorization"] = f"Bearer {cluster.token}"
        asker = Asker(self._reactor, lambda: _trust(cluster), self._timeout, "the cluster")
        url = f"{cluster.server}/api/v1/namespaces/{namespace}/secrets/{name}"
        status, answer = await asker.ask("GET", url, headers)
        if status != 200:
            raise refused(f"{what} cannot be had", status)
        return _value(answer, what, key)

    def _found(self) -> Cluster:
        """Blocks: files are read."""
        if self._kubeconfig:
            return read_kubeconfig(Path(self._kubeconfig))
        host, port = (self._environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
        if not host:
            raise SecretUnavailable("the gateway runs in no cluster: write [secrets.kubernetes] kubeconfig")
        try:
            ca = (self._folder / "ca.crt").read_text("ascii")
        except (OSError, ValueError):
            raise SecretUnavailable("the service account has no readable ca.crt") from None
        where = f"[{host}]" if ":" in host else host
        return Cluster(f"https://{where}:{port or '443'}", ca, str(read_token_file(self._folder / "token")))

    async def _in_thread(self, work: Any) -> Any:
        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)


def _trust(cluster: Cluster) -> Trust:
    try:
        return Trust(cluster.ca, cluster.certificate)
    except ValueError as error:
        raise SecretUnavailable(f"a certificate of the cluster's access is of no use: {error}") from None


def _value(answer: bytes, what: str, key: str) -> Secret:
    try:
        encoded = json.loads(answer)["data"][key]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SecretUnavailable(f"{what} has no key {key}") from None
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (ValueError, TypeError, binascii.Error):
        raise SecretUnavailable(f"{what}#{key} is no text") from None
    return secret_of(text, f"{what}#{key}")
