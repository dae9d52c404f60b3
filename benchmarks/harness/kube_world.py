"""What is compared in front of Kubernetes: an API server, the same behind nginx, `kubectl proxy`, and the gateway.

Two servers stand behind them. `fixed` is nginx with answers in files: it costs nothing, so that what is between shows.
`live` is the API server of the tests, for what only one that lives can do: watches, logs, exec.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.http_world import Running, run_nginx
from harness.processes import Measured, free_port
from tests.support.gateway import Plan, start_gateway, token_of
from tests.support.kube.cluster import ApiServer, start_api_server, write_kubeconfig
from tests.support.kube.programs import kubectl_path
from tests.support.kube.samples import config_map, pod
from twisted_hoop.demo.certificates import issue, make_ca

_PROXY = (
    "proxy_pass https://behind; proxy_http_version 1.1; proxy_ssl_verify off; proxy_buffering off;"
    " proxy_read_timeout 600s; proxy_set_header Authorization $http_authorization;"
    " proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;"
)
_UPSTREAM = "upstream behind {{ server 127.0.0.1:{port}; keepalive 32; keepalive_requests 100000000; }}"
_FIXED_PROXY = (
    'proxy_pass https://behind; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_ssl_verify off;'
)
_PLAN = """
[[listeners]]
name = "web"
protocol = "http"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/gateway/tls/localhost.pem"
key = "{folder}/gateway/tls/localhost.key"
[[masks]]
name = "secrets"
targets = ["fixed"]
objects = ["Secret/data/.*"]
[[rules]]
name = "everything"
effect = "allow"
targets = ["fixed", "live"]
classes = ["read", "write", "exec", "shell", "dynamic", "attach", "forward", "discovery"]
record_content = true
"""
_TARGET = """
[[targets]]
name = "{name}"
protocol = "kubernetes"
endpoint = "tcp:127.0.0.1:{port}"
ca = "{ca}"
credential = "bearer"
secret = "env:CLUSTER_TOKEN"
groups = ["ci"]
"""
SMALL = "/api/v1/namespaces/default/configmaps/one"
LARGE = "/api/v1/secrets"


@dataclass(frozen=True, slots=True)
class KubeVariant:
    """One way to a server. `clear`: without TLS, as `kubectl proxy` listens."""

    name: str
    port: int
    token: str
    prefix: str = ""
    process: Measured | None = None
    clear: bool = False
    kubeconfig: Path | None = None

    def request(self, path: str) -> bytes:
        """A request as bytes."""
        head = f"GET {self.prefix}{path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        return f"{head}User-Agent: bench\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()

    def context(self) -> ssl.SSLContext | None:
        """It trusts nobody in particular, as the certificates are of this run."""
        if self.clear:
            return None
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class KubeWorld:
    """Every variant in front of either server; a file with text of `text_size` bytes, which a pod can read."""

    fixed: tuple[KubeVariant, ...]
    live: tuple[KubeVariant, ...]
    text: Path
    text_size: int
    list_size: int


@contextlib.contextmanager
def kube_world(list_size: int, text_size: int) -> Iterator[KubeWorld]:
    """Start everything; stop and remove everything at the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hoop-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        make_ca(folder / "tls")
        issue(folder / "tls", ["localhost", "127.0.0.1"])
        port = free_port()
        run_nginx(folder, "files", port, _location(_answers(folder, list_size)), "", stack)
        server = start_api_server(folder / "cluster")
        stack.callback(server.stop)
        _furnish(server)
        places = {"fixed": (port, folder / "tls" / "ca.pem"), "live": (server.port, server.ca)}
        text = _PLAN.format(folder=folder)
        text += "".join(_TARGET.format(name=name, port=at, ca=ca) for name, (at, ca) in places.items())
        gateway = start_gateway(folder / "gateway", Plan(text, {"CLUSTER_TOKEN": server.token}))
        stack.callback(gateway.stop)
        hoop = (gateway.ports["web"], gateway.ca, Running(gateway.process.pid))
        made = {name: _variants(folder, name, *place, server.token, hoop, stack) for name, place in places.items()}
        yield KubeWorld(made["fixed"], made["live"], _text(folder, text_size), text_size, list_size)


def _variants(
    folder: Path, name: str, port: int, ca: Path, token: str, hoop: tuple[int, Path, Measured], stack: ExitStack
) -> tuple[KubeVariant, ...]:
    """The ways to one server, nearest first."""
    direct = write_kubeconfig(folder / f"{name}.kubeconfig", f"https://127.0.0.1:{port}", ca, token)
    nginx_port, proxy_port = free_port(), free_port()
    location = _FIXED_PROXY if name == "fixed" else _PROXY
    nginx = run_nginx(folder, f"nginx-{name}", nginx_port, location, _UPSTREAM.format(port=port), stack)
    command = [kubectl_path(), "proxy", f"--port={proxy_port}", f"--kubeconfig={direct}", "--disable-filter"]
    proxy = Measured(command, folder / f"proxy-{name}.out", {"HOME": str(folder)})
    stack.callback(proxy.stop)
    proxy.wait_for(proxy_port)
    url = {"nginx": f"https://127.0.0.1:{nginx_port}", "hoop": f"https://127.0.0.1:{hoop[0]}/{name}"}
    files = {
        "nginx": write_kubeconfig(folder / f"{name}-nginx", url["nginx"], folder / "tls" / "ca.pem", token),
        "hoop": write_kubeconfig(folder / f"{name}-hoop", url["hoop"], hoop[1], token_of("ci")),
        "proxy": _clear_kubeconfig(folder / f"{name}-proxy", proxy_port),
    }
    return (
        KubeVariant("direct", port, token, kubeconfig=direct),
        KubeVariant("nginx", nginx_port, token, "", nginx, kubeconfig=files["nginx"]),
        KubeVariant("kubectl proxy", proxy_port, token, "", proxy, True, files["proxy"]),
        KubeVariant("hoop", hoop[0], token_of("ci"), f"/{name}", hoop[2], kubeconfig=files["hoop"]),
    )


def _clear_kubeconfig(file: Path, port: int) -> Path:
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "", "namespace": "default"}}
    head = {"apiVersion": "v1", "kind": "Config", "current-context": "x"}
    file.write_text(json.dumps({**head, "clusters": [cluster], "contexts": [context]}))
    return file


def _location(answers: Path) -> str:
    return f"root {answers}; default_type application/json; index none;"


def _answers(folder: Path, list_size: int) -> Path:
    """What the fixed server says: one small object, and a long list of Secrets of ten kilobytes."""
    root = folder / "answers"
    small, large = root / SMALL[1:], root / LARGE[1:]
    small.parent.mkdir(parents=True)
    small.write_text(json.dumps({**config_map("one", text="x" * 800), "kind": "ConfigMap", "apiVersion": "v1"}))
    dice = random.Random(7)
    values = [base64.b64encode(dice.randbytes(3600)).decode() for _ in range(16)]
    head = {"kind": "SecretList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}}
    with large.open("w") as file:
        file.write(json.dumps(head)[:-1] + ',"items":[')
        number = 0
        while file.tell() < list_size:
            about = {"name": f"secret-{number}", "namespace": "default", "resourceVersion": str(number)}
            data = {"password": values[number % 16], "token": values[number % 15]}
            item = json.dumps({"metadata": about, "data": data, "type": "Opaque"}, separators=(",", ":"))
            file.write(f",{item}" if number else item)
            number += 1
        file.write("]}")
    for each in (folder, root):
        each.chmod(0o755)
    return root


def _furnish(server: ApiServer) -> None:
    """A pod, and some things to list."""
    server.ask("POST", "/api/v1/namespaces/default/pods", pod("bench"))
    for number in range(50):
        server.ask("POST", "/api/v1/namespaces/default/configmaps", config_map(f"map-{number}", text="y" * 400))


def _text(folder: Path, size: int) -> Path:
    """Lines of a log."""
    dice, path, written = random.Random(7), folder / "text", 0
    with path.open("w") as file:
        while written < size:
            line = f"2026-11-22T10:{dice.randrange(60):02}:{dice.randrange(60):02} app[{dice.randrange(99999)}]: GET"
            written += file.write(f"{line} /v1/items/{dice.randrange(10**6)} took {dice.randrange(999)} ms\n")
    return path
