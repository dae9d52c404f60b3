"""Log-ins at real targets, with the right and the wrong secret."""

from __future__ import annotations

import getpass
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.sshd import make_key, public_line, running_sshd
from twisted_hoop.doctor.finding import Finding
from twisted_hoop.doctor.targets import _read, look_at_target
from twisted_hoop.errors import ProtocolError
from twisted_hoop.halls import Halls
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_key_files import load_gateway_keys
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import Settings


def look(loop: Loop, folder: Path, secret: str = "", **target: Any) -> list[Finding]:
    given = {"name": "t", "groups": ["*"], "tls": "disable", "secret": "env:SECRET", **target}
    settings = Settings.model_validate({"targets": [given]})
    authority = SshAuthority(load_gateway_keys(settings.ssh, folder), settings.ssh)

    async def work() -> list[Finding]:
        secrets = SecretStore(loop.reactor, {"SECRET": secret}, root=folder)
        halls = Halls(loop.reactor, settings, secrets, b"k" * 32, folder, authority)
        return await look_at_target(loop.reactor, halls, settings.targets[0])

    return loop.run(work)


def test_a_log_in_at_postgresql_and_its_clock(loop: Loop, tmp_path: Path, postgres: Server) -> None:
    where = {"protocol": "postgres", "endpoint": f"tcp:127.0.0.1:{postgres.port}", "database": "postgres"}
    postgres.create_login("doctor", "hunter2-right")
    login, clock = look(loop, tmp_path, "hunter2-right", login="doctor", **where)
    assert login.state == "ok" and login.what.startswith("logged in as doctor, PostgreSQL 18")
    assert (clock.area, clock.state) == ("clock", "ok")
    [wrong] = look(loop, tmp_path, "hunter2-wrong", login="doctor", **where)
    assert wrong.state == "error" and "pg_hba" in wrong.todo and "hunter2" not in str(wrong)
    [gone] = look(loop, tmp_path, "x", login="a", **where | {"endpoint": "tcp:127.0.0.1:1"})
    assert gone.state == "error" and "cannot be reached" in gone.what


def test_a_log_in_over_ssh_and_a_host_that_is_another(loop: Loop, tmp_path: Path) -> None:
    mine, other = make_key(tmp_path / "mine"), make_key(tmp_path / "other")
    with running_sshd(tmp_path / "sshd", [public_line(mine)]) as server:
        where = {"protocol": "ssh", "endpoint": f"tcp:127.0.0.1:{server.port}", "login_with": "key"}
        given = {**where, "login": getpass.getuser(), "host_keys": server.host_keys}
        [right] = look(loop, tmp_path, mine.read_text(), **given)
        [wrong] = look(loop, tmp_path, other.read_text(), **given)
        [another] = look(loop, tmp_path, mine.read_text(), **given | {"host_keys": [public_line(other)]})
        [nobody] = look(loop, tmp_path, mine.read_text(), **given | {"login": ""})
    assert right.state == "ok" and right.what == f"logged in as {getpass.getuser()}"
    assert wrong.state == another.state == "error" and "host_keys" in another.todo
    assert nobody.state == "warning"


class Api(http.server.BaseHTTPRequestHandler):
    """Takes one token; its clock is an hour fast."""

    def answer(self) -> None:
        self.send_response(200 if self.headers["Authorization"] == "Bearer right" else 401)
        self.end_headers()

    do_HEAD = do_GET = answer

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + 3600)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def api() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("protocol", ["http", "kubernetes"])
def test_the_credential_of_an_api_and_a_clock_that_is_off(loop: Loop, tmp_path: Path, protocol: str) -> None:
    with api() as port:
        where = {"protocol": protocol, "endpoint": f"tcp:127.0.0.1:{port}", "credential": "bearer"}
        right, clock = look(loop, tmp_path, "right", **where)
        wrong, _ = look(loop, tmp_path, "wrong", **where)
    assert (right.state, wrong.state, clock.state) == ("ok", "error", "error")
    assert "3600 s behind" in clock.what or "3599 s behind" in clock.what


def test_heads_of_answers() -> None:
    assert _read(b"HTTP/1.1 401 No\r\nDate: x\r\n\r\n") == (401, "x")
    for wrong in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"):
        with pytest.raises(ProtocolError):
            _read(wrong)
