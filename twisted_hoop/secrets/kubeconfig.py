"""The current context of a kubeconfig file. Blocking: called in a thread."""

from __future__ import annotations

import base64
import binascii
import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.files import read_secret_file, read_token_file

_UNSUPPORTED = ("exec", "auth-provider", "username", "password", "as", "as-groups", "as-user-extra")


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server, the CA of its certificate (PEM), and what we show it: a token, or a certificate with its key."""

    server: str
    ca: str
    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)


def read_kubeconfig(path: Path) -> Cluster:
    """The cluster and user of the current context, or SecretUnavailable. R11: only we may be able to read the file."""
    config = _parsed(path, read_secret_file(path))
    try:
        return _cluster(config, path.parent)
    except SecretUnavailable:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OSError, binascii.Error):
        raise SecretUnavailable(f"{path}: its current context does not lead to a cluster and a user") from None


def _parsed(path: Path, text: str) -> Any:
    """JSON, which is YAML as well; else YAML, if there is a library that reads it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise SecretUnavailable(f"{path} is not JSON, and to read YAML needs pip install pyyaml") from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise SecretUnavailable(f"{path} is not YAML") from None


def _cluster(config: Any, folder: Path) -> Cluster:
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"] or {}
    if cluster.get("insecure-skip-tls-verify"):
        raise SecretUnavailable("a kubeconfig that does not verify the server is refused: its secrets are anybody's")
    if unknown := [name for name in _UNSUPPORTED if user.get(name)]:
        raise SecretUnavailable(f"a kubeconfig with {unknown[0]} is not supported: use a token or a certificate")
    server = str(cluster["server"]).rstrip("/")
    ca = _content(cluster, "certificate-authority", folder)
    pair = (_content(user, "client-certificate", folder), _content(user, "client-key", folder))
    return Cluster(server, ca, _token(user, folder), "\n".join(pair) if all(pair) else "")


def _token(user: dict[str, Any], folder: Path) -> str:
    file = user.get("tokenFile")
    token = str(read_token_file(folder / file)) if file else user.get("token") or ""
    if not isinstance(token, str) or any(not "!" <= c <= "~" for c in token):
        raise SecretUnavailable("the token of the kubeconfig cannot stand in a header")
    return token


def _named(entries: Any, name: Any) -> Any:
    found = [each for each in entries if each["name"] == name]
    if len(found) != 1:
        raise KeyError(name)
    return found[0]


def _content(of: dict[str, Any], name: str, folder: Path) -> str:
    """PEM that stands in the file itself (base64), or in another one."""
    if of.get(f"{name}-data"):
        return base64.b64decode(of[f"{name}-data"], validate=True).decode("ascii")
    return (folder / of[name]).read_text("ascii") if of.get(name) else ""
