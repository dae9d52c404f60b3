"""Objects that tests make, which a real cluster can run as well."""

from __future__ import annotations

import base64
from typing import Any

Json = dict[str, Any]
IMAGE = "busybox:1.36"
PORT = 8080
"""What pods of a real cluster serve HTTP on; in the server of the tests a port is one of loopback."""
_PROGRAM = ["sh", "-c", f'echo "$HOSTNAME started"; exec httpd -f -p {PORT}']


def config_map(name: str, **data: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Json:
    """A Secret with values as they are."""
    packed = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "data": packed}


def pod(name: str, **annotations: str) -> Json:
    """A pod that runs until it is deleted, and logs `NAME started`."""
    container = {"name": "main", "image": IMAGE, "command": _PROGRAM}
    about = {"name": name, "annotations": annotations, "labels": {"app": name}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def deployment(name: str, replicas: int = 1, **environ: str) -> Json:
    """A Deployment of such pods."""
    labels = {"app": name}
    env = [{"name": key, "value": value} for key, value in environ.items()]
    spec = pod(name)["spec"]
    spec["containers"][0]["env"] = env
    template = {"metadata": {"labels": labels}, "spec": spec}
    inner = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": inner}
