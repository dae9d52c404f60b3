"""What docs/compose.md says, done: clients of this machine against the containers, and the containers themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import traceback
from pathlib import Path

from tests.containers.machine import PATIENCE, Machine
from tests.containers.page import run_page
from twisted_hoop.demo.browser import Browser

ROOT = Path(__file__).resolve().parent.parent.parent
CLEAR = ("4111111111111111", "734-10-1000", "ada.lovelace1@")


class Tour:
    """Each method whose name begins with `shows` is one thing that is said, in order."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._folder = machine.scratch / "client"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._ports = machine.ports

    def run(self) -> list[str]:
        """All of it; the names of what failed."""
        (self._folder / "ca.pem").write_text(self._machine.run("issuer", "ca").stdout)
        failed = []
        for name in [name for name in Tour.__dict__ if name.startswith("shows_")]:
            try:
                getattr(self, name)()
                print(f"  ok      {name[6:].replace('_', ' ')}", flush=True)
            except Exception:
                failed.append(name)
                print(f"  FAILED  {name[6:].replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
        return failed

    def shows_no_service_has_rights_it_does_not_need(self) -> None:
        for service in self._machine.services():
            facts = self._machine.inspect(service)
            config, host = facts["Config"], facts["HostConfig"]
            assert isinstance(config, dict) and isinstance(host, dict)
            assert (config["User"], host["ReadonlyRootfs"]) == ("10001:10001", True), service
            assert "no-new-privileges" in str(host["SecurityOpt"]) and not host["Privileged"], service
            if service not in ("setup", "enrol"):
                status = self._machine.run(service, "cat", "/proc/1/status").stdout
                assert re.search(r"^Uid:\t10001\t10001", status, re.M), (service, status)
                assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^CapBnd:\t0+$", status, re.M), status
                assert re.search(r"^NoNewPrivs:\t1$", status, re.M), status
                assert self._machine.run(service, "sh", "-c", "> /usr/here").returncode, f"{service} may write /usr"

    def shows_that_only_the_gateway_has_ports_and_on_loopback(self) -> None:
        found = [(name, one["HostIp"]) for name in self._machine.services() for one in self._published(name)]
        assert set(found) == {("gateway", "127.0.0.1")} and len(found) == 4, found

    def shows_that_no_secret_is_in_an_environment_or_a_log(self) -> None:
        script = "cat /etc/hoop/*-password /etc/hoop/s3-secret | tr -d '\\n'"
        found = re.findall(r"[0-9a-f]{48}", self._machine.run("gateway", "sh", "-c", script).stdout)
        assert len(found) == 3
        said = self._machine.logs() + "".join(str(self._machine.inspect(name)) for name in self._machine.services())
        assert not [secret for secret in found if secret in said]

    def shows_masked_cells_to_the_token_of_a_program(self) -> None:
        said = self._psql("ci-bot", "select name, card_number, ssn, email from customers order by id limit 3")
        assert "Ada Lovelace" in said and "************1111" in said and not any(clear in said for clear in CLEAR), said

    def shows_a_refusal(self) -> None:
        said = self._psql("bob", "drop table orders")
        assert "not dropped here" in said, said

    def shows_that_what_is_guarded_is_reached_by_the_agent_alone(self) -> None:
        """S11: neither by name nor by address from the gateway's networks; and the agent gets nowhere but there."""
        for service, port in (("shop", 5432), ("web-1", 2222)):
            networks = self._machine.inspect(service)["NetworkSettings"]["Networks"]  # type: ignore[index]
            assert list(networks) == ["hoop_private"], networks
            address = networks["hoop_private"]["IPAddress"]
            for place in (service, address):
                assert self._reaches("agent", place, port), (service, place)
                assert not self._reaches("gateway", place, port), (service, place)
        assert not self._reaches("agent", "store", 5432) and not self._reaches("shop", "gateway", 17443, "bash")

    def shows_a_delete_that_waits_for_bob(self) -> None:
        waiting = self._machine.begin(*self._psql_line("alice", "delete from orders where id = 11"))
        request = self._waiting_request()
        said = self._machine.run("issuer", "as", "bob", "hoop", "approvals", "approve", request, "--yes").stdout
        assert "granted" in said, said
        assert "DELETE 1" in _end(waiting)

    def shows_the_console_to_a_browser(self) -> None:
        waiting = self._machine.begin(*self._psql_line("alice", "delete from orders where id = 9"))
        request = self._waiting_request()
        page = self._browser("bob")
        assert request in page and "delete from orders where id = 9" in page, page[-2000:]
        self._machine.run("issuer", "as", "carol", "hoop", "approvals", "deny", request, "--comment", "not today")
        assert "not today" in _end(waiting)

    def shows_the_host_behind_the_jump(self) -> None:
        folder, port = self._folder, self._ports["HOOP_SSH_PORT"]
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
        public = (folder / "key.pub").read_text()
        given = self._machine.run("issuer", "sh", "-c", "certify alice 2>/dev/null", given=public).stdout
        assert given.startswith("ssh-ed25519-cert-v01@openssh.com "), given
        (folder / "key-cert.pub").write_text(given)
        known = self._machine.run("issuer", "as", "alice", "hoop", "ssh-config", "--known-hosts").stdout
        (folder / "known_hosts").write_text(known)
        config = (
            f"Host *\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n  BatchMode yes\n  StrictHostKeyChecking yes\n"
        )
        (folder / "ssh_config").write_text(f"{config}  UserKnownHostsFile {folder}/known_hosts\n")
        line = f"ssh -F {folder}/ssh_config -J alice@localhost:{port} deploy@web-1"
        said = self._machine.host(f"{line} 'id -un; echo hk_test_0123456789 > note; cat note'", {}).stdout
        assert "deploy" in said and "hk_test_0123" not in said, said

    def shows_what_was_recorded(self) -> None:
        listed = self._machine.run(
            "issuer", "as", "carol", "hoop", "sessions", "list", "--subject", "alice", "--ids"
        ).stdout
        shown = [
            self._machine.run("issuer", "as", "carol", "hoop", "sessions", "replay", one) for one in listed.split()
        ]
        assert any("delete from orders where id = 11" in one.stdout for one in shown), listed
        verified = self._machine.run("gateway", "hoop", "verify", "--state", "/var/lib/hoop")
        assert verified.returncode == 0, verified.stdout

    def shows_that_the_agent_is_known_and_that_nothing_is_reached_without_it(self) -> None:
        listed = self._machine.run("issuer", "as", "bob", "hoop", "agents", "list").stdout
        assert "private" in listed and "connected" in listed, listed
        self._machine.compose("stop", "agent")
        said = self._psql("ci-bot", "select 1")
        assert "(1 row)" not in said and ("ERROR" in said or "FATAL" in said), said
        self._machine.compose("start", "agent")
        self._machine.healthy(["agent"])
        assert "(1 row)" in self._psql("ci-bot", "select 1")

    def shows_that_recordings_are_copied_to_object_storage(self) -> None:
        until = time.monotonic() + PATIENCE
        said = ""
        while time.monotonic() < until:
            said = self._machine.run("storage", "sh", "-c", self._listing()).stdout
            if ".hoop" in said:
                return
            time.sleep(1)
        raise AssertionError(said)

    def shows_what_the_page_says_in_its_own_words(self) -> None:
        """It ends with stopping the agent; everything is started again for what follows."""
        wrong = run_page(ROOT, self._machine, self._folder / "page")
        self._machine.compose("start", "agent")
        self._machine.healthy(["agent"])
        assert not wrong, "\n\n".join(wrong)

    def shows_that_everything_outlives_a_restart(self) -> None:
        self._machine.compose("restart", "gateway")
        self._machine.healthy(["gateway"])
        self._machine.compose("restart", "issuer")
        self._machine.healthy(["issuer"])
        assert "(1 row)" in self._psql("ci-bot", "select 1")
        listed = self._machine.run(
            "issuer", "as", "carol", "hoop", "sessions", "list", "--subject", "alice", "--ids"
        ).stdout
        assert listed.split(), "the sessions are gone"

    def _published(self, service: str) -> list[dict[str, str]]:
        host = self._machine.inspect(service)["HostConfig"]
        assert isinstance(host, dict)
        return [one for ports in (host["PortBindings"] or {}).values() for one in ports or []]

    def _reaches(self, service: str, host: str, port: int, by: str = "python") -> bool:
        python = f"import socket; socket.create_connection(({host!r}, {port}), 2)"
        words = (
            ["python", "-c", python] if by == "python" else ["timeout", "2", "bash", "-c", f"< /dev/tcp/{host}/{port}"]
        )
        return self._machine.run(service, *words).returncode == 0

    def _listing(self) -> str:
        """Objects of the bucket, by the storage's own shell."""
        shell = "weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888"
        return f"echo 'fs.tree /buckets/recordings' | timeout 20 {shell} 2>&1"

    def _psql_line(self, who: str, sql: str, token: str = "") -> tuple[str, dict[str, str]]:
        password = token or self._machine.run("issuer", "token", who).stdout.strip()
        where = f"host=localhost port={self._ports['HOOP_POSTGRES_PORT']} dbname=shop user={who} sslmode=verify-full"
        environment = {"PGPASSWORD": password, "PSQLRC": "/dev/null", "PAGER": "cat"}
        return f'{_psql()} "{where} sslrootcert={self._folder}/ca.pem" -c "{sql}"', environment

    def _psql(self, who: str, sql: str, token: str = "") -> str:
        return self._machine.host(*self._psql_line(who, sql, token)).stdout

    def _waiting_request(self) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            said = self._machine.run("issuer", "as", "carol", "hoop", "approvals", "list", "--ids").stdout.split()
            if said:
                return said[0]
            time.sleep(0.2)
        raise AssertionError("nothing waits")

    def _browser(self, who: str) -> str:
        import os

        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(self._folder / "ca.pem")
        try:
            return Browser().log_in(f"https://localhost:{self._ports['HOOP_CONSOLE_PORT']}", who)
        finally:
            os.environ.pop("SSL_CERT_FILE")
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before


def _end(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE)
    return said


def _psql() -> str:
    """This machine's psql, or that of the Python index."""
    from twisted_hoop.demo.database import programs

    return shutil.which("psql") or str(programs(17) / "psql")
