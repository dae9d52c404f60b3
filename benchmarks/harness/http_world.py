"""What is compared over HTTP: nginx serving files, the same behind nginx, and behind the gateway."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.processes import Measured, free_port
from tests.support.gateway import Plan, start_gateway, token_of
from twisted_hoop.demo.certificates import issue, make_ca

_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; proxy_max_temp_file_size 0;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  {upstream}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/tls/localhost.pem; ssl_certificate_key {folder}/tls/localhost.key;
    location / {{ {location} }}
  }}
}}
"""
_UPSTREAM = "upstream files {{ server 127.0.0.1:{port}; keepalive 32; keepalive_requests 100000000; }}"
_PROXY = 'proxy_pass https://files; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_ssl_verify off;'

_PLAN = """
[[listeners]]
name = "web"
protocol = "http"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/gateway/tls/localhost.pem"
key = "{folder}/gateway/tls/localhost.key"
[[targets]]
name = "files"
protocol = "http"
endpoint = "tcp:127.0.0.1:{port}"
ca = "{folder}/tls/ca.pem"
credential = "bearer"
secret = "env:FILES_TOKEN"
groups = ["ci"]
[[rules]]
name = "read"
effect = "allow"
methods = ["GET"]
paths = ["/.*"]
"""


class Running(Measured):
    """A process that somebody else started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


@dataclass(frozen=True, slots=True)
class HttpVariant:
    """One way to the files. `process` is what stands between, None for nothing."""

    name: str
    port: int
    prefix: str = ""
    process: Measured | None = None

    def request(self, path: str) -> bytes:
        """A request as bytes; the token is of use to the gateway alone."""
        head = f"GET {self.prefix}{path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        return f"{head}User-Agent: bench\r\nAuthorization: Bearer {token_of('ci')}\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class HttpWorld:
    """Every variant; `context` trusts nobody in particular, as the certificates are of this run."""

    variants: tuple[HttpVariant, ...]
    context: ssl.SSLContext


@contextlib.contextmanager
def http_world() -> Iterator[HttpWorld]:
    """Start everything; stop and remove everything at the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hoop-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        make_ca(folder / "tls")
        issue(folder / "tls", ["localhost", "127.0.0.1"])
        files = _files(folder)
        port, proxy_port = free_port(), free_port()
        run_nginx(folder, "files", port, f"root {files};", "", stack)
        proxy = run_nginx(folder, "proxy", proxy_port, _PROXY, _UPSTREAM.format(port=port), stack)
        plan = Plan(_PLAN.format(folder=folder, port=port), {"FILES_TOKEN": "secret"})
        gateway = start_gateway(folder / "gateway", plan)
        stack.callback(gateway.stop)
        variants = (
            HttpVariant("direct", port),
            HttpVariant("nginx", proxy_port, process=proxy),
            HttpVariant("hoop", gateway.ports["web"], "/files", Running(gateway.process.pid)),
        )
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        yield HttpWorld(variants, context)


def _files(folder: Path) -> Path:
    files = folder / "files"
    files.mkdir()
    (files / "small.json").write_text('{"kind": "thing", "data": "' + "x" * 1000 + '"}')
    (files / "large.bin").write_bytes(bytes(range(256)) * (50_000_000 // 256))
    folder.chmod(0o755)
    return files


def run_nginx(folder: Path, name: str, port: int, location: str, upstream: str, stack: ExitStack) -> Measured:
    """nginx with one server: what stands in its location, and an upstream block."""
    file = folder / f"{name}.conf"
    file.write_text(_NGINX.format(folder=folder, name=name, port=port, location=location, upstream=upstream))
    process = Measured(["nginx", "-c", str(file)], folder / f"{name}.out")
    stack.callback(process.stop)
    process.wait_for(port)
    return process
