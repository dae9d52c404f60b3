"""`hoop kubeconfig`: what kubectl, Helm and client libraries need to go through the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import Connection, connection_options

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = "hoop"
_HINT = "Install twisted-hoop, then: hoop login"


@click.command("kubeconfig")
@connection_options
@click.argument("targets", nargs=-1)
@click.option("--namespace", default="", help="The namespace of the contexts.")
@click.option(
    "--authority", default="", help="PEM file of the CA of the gateway's listener; that of --ca when not said."
)
@click.option("--program", default="hoop", show_default=True, help="How kubectl calls this command.")
def kubeconfig(
    url: str,
    token: str,
    token_file: str,
    ca: str,
    targets: tuple[str, ...],
    namespace: str,
    authority: str,
    program: str,
) -> None:
    """Print a kubeconfig for TARGETS, or for every Kubernetes target that is open to you. No secret stands in it.

    kubectl asks `hoop token` for the token of `hoop login`; with --token-file it reads that file, which suits CI.

    \b
    hoop kubeconfig > ~/.kube/hoop && export KUBECONFIG=~/.kube/hoop
    kubectl config use-context prod

    Exit codes: 0 ok, 1 no such target is open to you, 3 not reachable, 4 not authenticated.
    """
    connection = Connection(url, token, token_file, ca).over(
        click.get_current_context().find_object(Connection) or Connection()
    )
    clusters = [_cluster(each, authority or connection.ca) for each in _found(connection, targets)]
    user = _file_user(connection.token_file) if connection.token_file else _exec_user(connection, program)
    click.echo("\n".join(_lines(_document(clusters, user, namespace))))


def _found(connection: Connection, targets: tuple[str, ...]) -> list[dict[str, Any]]:
    from twisted_hoop.cli.exits import CommandFailed

    offered = {
        each["name"]: each
        for each in connection.api().get("/v1/targets")["targets"]
        if each["protocol"] == "kubernetes" and _place(each) is not None
    }
    for name in targets:
        if name not in offered:
            raise CommandFailed(f"no Kubernetes target {name!r} is open to you; hoop targets lists those that are")
    if not offered:
        raise CommandFailed("no Kubernetes target is open to you at this gateway")
    return [each for name, each in offered.items() if not targets or name in targets]


def _place(target: dict[str, Any]) -> dict[str, Any] | None:
    """The listener that leads there: with TLS, as kubectl sends no token over a connection in the clear."""
    return next((each for each in target["listeners"] if each["tls"] and each["port"]), None)


def _cluster(target: dict[str, Any], authority: str) -> dict[str, Any]:
    place = _place(target)
    assert place is not None
    host = f"[{place['host']}]" if ":" in place["host"] else place["host"]
    cluster: dict[str, Any] = {"server": f"https://{host}:{place['port']}/{target['name']}"}
    if authority:
        cluster["certificate-authority-data"] = _encoded(authority)
    return {"name": target["name"], "cluster": cluster}


def _encoded(path: str) -> str:
    """The certificates of a file; nothing else that stands in it leaves it (R11)."""
    import base64
    from pathlib import Path

    from cryptography.x509 import load_pem_x509_certificates

    try:
        data = Path(path).read_bytes()
        found = load_pem_x509_certificates(data)
    except (OSError, ValueError) as fault:
        raise click.UsageError(f"{path} holds no certificates: {fault}") from fault
    from cryptography.hazmat.primitives.serialization import Encoding

    return base64.b64encode(b"".join(each.public_bytes(Encoding.PEM) for each in found)).decode()


def _file_user(path: str) -> dict[str, Any]:
    from pathlib import Path

    return {"tokenFile": str(Path(path).absolute())}


def _exec_user(connection: Connection, program: str) -> dict[str, Any]:
    """An exec-credential plug-in (client.authentication.k8s.io/v1): called again when its token ends, or on 401."""
    ca = ["--ca", _absolute(connection.ca)] if connection.ca else []
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": program,
            "args": ["token", "--url", connection.address, *ca, "--json"],
            "installHint": _HINT,
            "interactiveMode": "Never",
            "provideClusterInfo": False,
        }
    }


def _absolute(path: str) -> str:
    from pathlib import Path

    return str(Path(path).absolute())


def _document(clusters: list[dict[str, Any]], user: dict[str, Any], namespace: str) -> dict[str, Any]:
    more = {"namespace": namespace} if namespace else {}
    contexts = [
        {"name": each["name"], "context": {"cluster": each["name"], "user": _USER, **more}} for each in clusters
    ]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "users": [{"name": _USER, "user": user}],
        "contexts": contexts,
        "current-context": clusters[0]["name"],
    }


def _lines(value: Any, indent: str = "") -> Iterator[str]:
    """YAML of nested mappings; texts are written as in JSON, so that none ends its line, whoever sent it."""
    for key, each in value.items():
        if isinstance(each, dict):
            yield f"{indent}{key}:"
            yield from _lines(each, indent + "  ")
        elif isinstance(each, list) and each and isinstance(each[0], dict):
            yield f"{indent}{key}:"
            for item in each:
                first, *rest = _lines(item, indent + "  ")
                yield f"{indent}- {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {_scalar(each)}"


def _scalar(value: Any) -> str:
    import json

    return json.dumps(value)
