"""A real gateway for tests: `twistd -n hoop` as a process of its own, on free ports.

    gateway = start_gateway(folder, plan)     # returns once it listens
    gateway.dsn("shop")                       # libpq connection string; dsn("shop", "bob") for somebody else
    gateway.api("GET", "/v1/approvals", "bob").json
    gateway.reload(plan)                      # a new configuration by SIGHUP
    gateway.stop()                            # SIGTERM; gateway.kill() is SIGKILL

Ports are chosen by the system and read from the log, so tests may run in parallel. The plan's text has the targets,
rules and masks; what every gateway needs (state, people, listeners with and without TLS, the API) is added here.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.demo.keyring import KeyRing
from twisted_hoop.identity.scram_keys import scram_verifier
from twisted_hoop.recording.library import Library

PATIENCE = 90.0
ISSUER = "https://issuer.test"
SCRAM_PASSWORD = "pencil and paper"
PEOPLE: Mapping[str, tuple[str, str]] = {
    "ann": ("human", "developers"),
    "bob": ("human", "dba"),
    "carol": ("human", "auditors"),
    "olga": ("human", "operators"),
    "ci": ("machine", "ci"),
}
"""Name → (kind, group). The token of each is `token-of-<name>`."""
_REPOSITORY = Path(__file__).parent.parent.parent
_PORT = re.compile(r"(\S+) \S+ .*port=(\d+)")

_HEAD = """\
[gateway]
state = "{folder}/state"
url = "{url}"
stop_timeout = "{stop_timeout}"
workers = {workers}
{gateway}
[api]
auditors = ["auditors"]
operators = ["operators"]
[[issuers]]
name = "corp"
issuer = "{issuer}"
audience = ["hoop"]
jwks = "{folder}/jwks.json"
algorithms = ["EdDSA"]
leeway = "0s"
[[accounts]]
name = "scrammer"
scram = "{scram}"
groups = ["ci"]
[[listeners]]
name = "pg"
protocol = "postgres"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/tls/localhost.pem"
key = "{folder}/tls/localhost.key"
tls = "optional"
auth = ["token", "scram"]
[[listeners]]
name = "strict"
protocol = "postgres"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/tls/localhost.pem"
key = "{folder}/tls/localhost.key"
[[listeners]]
name = "oauth"
protocol = "postgres"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/tls/localhost.pem"
key = "{folder}/tls/localhost.key"
auth = ["oauth"]
[[listeners]]
name = "api"
protocol = "api"
endpoint = "tcp:{api_port}:interface=127.0.0.1"
{api_tls}
"""


@dataclass(frozen=True)
class Plan:
    """What a gateway is to do: TOML of targets, rules and masks; `environ` has the secrets they name.

    `api_port` is for browsers, which must come to the very `url` that the configuration names; 0 takes a free one.
    `api_tls` has the API speak TLS. `workers` are processes.
    """

    text: str
    environ: Mapping[str, str] = field(default_factory=dict)
    stop_timeout: str = "5s"
    people: Mapping[str, tuple[str, str]] = field(default_factory=lambda: PEOPLE)
    program: str = ""
    """What is run in twistd's place."""
    url: str = "https://hoop.test"
    api_port: int = 0
    api_tls: bool = False
    workers: int = 1
    gateway: str = ""
    """Further keys of [gateway]."""


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def token_of(who: str) -> str:
    """The account token of somebody."""
    return f"token-of-{who}"


class Running:
    """A process that tests end."""

    process: subprocess.Popen[bytes]

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM and the exit status. Idempotent."""
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()


@dataclass
class Gateway(Running):
    """A running gateway."""

    folder: Path
    process: subprocess.Popen[bytes]
    ring: KeyRing
    ports: dict[str, int] = field(default_factory=dict)
    ready: dict[str, Any] = field(default_factory=dict)

    # -- reaching it ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> Path:
        """Its state folder."""
        return self.folder / "state"

    @property
    def ca(self) -> Path:
        """The CA that signed its certificate, for `localhost` and 127.0.0.1."""
        return self.folder / "tls" / "ca.pem"

    @property
    def url(self) -> str:
        """Its API."""
        return f"http://127.0.0.1:{self.ports['api']}"

    def dsn(self, target: str, who: str = "ci", listener: str = "pg", more: str = "sslmode=disable") -> str:
        """A libpq connection string. `who` is an account, or a token when it is none of them."""
        password = token_of(who) if who in PEOPLE else who
        where = f"host=127.0.0.1 port={self.ports[listener]} dbname={target}"
        return f"{where} user=anybody password='{password}' gssencmode=disable connect_timeout=20 {more}"

    def url_of(self, target: str, who: str = "ci", scheme: str = "postgresql") -> str:
        """The same as a URL, for drivers that take one."""
        return f"{scheme}://anybody:{token_of(who)}@127.0.0.1:{self.ports['pg']}/{target}"

    def environ(self, target: str, who: str = "ci", listener: str = "pg", **more: str) -> dict[str, str]:
        """The same as environment variables of libpq's programs."""
        given = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.ports[listener]),
            "PGDATABASE": target,
            "PGUSER": "anybody",
            "PGPASSWORD": token_of(who) if who in PEOPLE else who,
            "PGCONNECT_TIMEOUT": "20",
        }
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **given, **more}

    def api(self, method: str, path: str, who: str = "", body: Any = None) -> Answer:
        """One request to the API."""
        headers = {"Authorization": f"Bearer {token_of(who)}"} if who else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["api"], timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())

    def command(self, *arguments: str, who: str = "") -> subprocess.CompletedProcess[str]:
        """The `hoop` command, with this gateway's API and somebody's token."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(_REPOSITORY)}
        environ |= {"HOOP_URL": self.url, "HOOP_TOKEN": token_of(who)} if who else {}
        program = [sys.executable, "-c", "from twisted_hoop.cli.main import main; main()"]
        return subprocess.run([*program, *arguments], env=environ, capture_output=True, text=True, timeout=60)

    # -- approvals ------------------------------------------------------------------------------------------------

    def requests(self, text: str, state: str = "pending") -> list[dict[str, Any]]:
        """Requests for approval of a statement that contains `text`."""
        told = self.api("GET", f"/v1/approvals?state={state}&limit=500", "bob").json
        found = told.get("approvals", [])  # none while the store cannot be asked: who waits asks again
        return [each for each in found if text in each["text"]]

    def pending(self, text: str) -> dict[str, Any]:
        """The pending request for such a statement; waits until it is filed."""
        found: dict[str, Any] = wait_for(lambda: self.requests(text), f"a request for {text}")[0]
        return found

    def decide(self, request: str, what: str = "approve", who: str = "bob", comment: str = "") -> Answer:
        """Approve or deny."""
        return self.api("POST", f"/v1/approvals/{request}/{what}", who, {"comment": comment})

    # -- recordings and log ---------------------------------------------------------------------------------------

    @property
    def library(self) -> Library:
        """Its recordings."""
        return Library(self.state / "recordings")

    def entries(self, application: str) -> list[dict[str, Any]]:
        """The recording of the session with that application_name, once it is closed."""
        return list(self.library.read(self.session_of(application)))

    def session_of(self, application: str) -> str:
        """The id of the closed session with that application_name."""

        def closed() -> str:
            for each in self.library.list(limit=2000):
                first = next(iter(self.library.read(each.id)))
                if application in json.dumps(first):
                    return each.id if each.state == "closed" else ""
            return ""

        return str(wait_for(closed, f"a closed recording of {application}"))

    def lines(self) -> list[dict[str, Any]]:
        """The whole lines of the log so far; each must be JSON."""
        whole, _, _ = (self.folder / "log").read_text().rpartition("\n")
        try:
            return [json.loads(line) for line in whole.split("\n") if line]
        except ValueError:
            raise AssertionError(f"not a log of JSON lines:\n{whole[-4000:]}") from None

    def logged(self, text: str, after: int = 0) -> dict[str, Any]:
        """The first log line behind the first `after` ones whose message contains `text`; waits for it."""

        def look() -> dict[str, Any] | None:
            return next((each for each in self.lines()[after:] if text in str(each.get("message"))), None)

        found: dict[str, Any] = wait_for(look, f"the log line {text!r}", self.process)
        return found

    # -- life -----------------------------------------------------------------------------------------------------

    def write(self, plan: Plan) -> None:
        """Write its configuration."""
        _write_configuration(self.folder, plan)

    def reload(self, plan: Plan, expect: str = "the configuration was reloaded") -> dict[str, Any]:
        """Write a new configuration, send SIGHUP, and wait for what is logged about it."""
        self.write(plan)
        before = len(self.lines())
        self.process.send_signal(signal.SIGHUP)
        return self.logged(expect, before)


def start_gateway(folder: Path, plan: Plan) -> Gateway:
    """Start one in an empty folder, or again in a folder where one was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    ring = _identities(folder)
    environ = {**os.environ, **plan.environ, "PYTHONPATH": str(_REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    log = folder / "log"
    log.write_bytes(b"")
    _write_configuration(folder, plan)
    twistd = plan.program or str(Path(sys.executable).parent / "twistd")
    command = [sys.executable, twistd, "-n", "--pidfile=", "hoop", "--config", str(folder / "hoop.toml")]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    gateway = Gateway(folder, process, ring)
    try:
        gateway.ready = gateway.logged("hoop is ready")
    except AssertionError:
        gateway.stop()
        raise AssertionError(f"the gateway does not start:\n{log.read_text()[-4000:]}") from None
    found = (_PORT.fullmatch(line.partition("port=")[0] + _digits(line)) for line in gateway.ready["listeners"])
    gateway.ports = {match[1]: int(match[2]) for match in found if match}
    return gateway


@contextlib.contextmanager
def running_gateway(folder: Path, plan: Plan) -> Iterator[Gateway]:
    """A gateway for the length of a `with` block."""
    gateway = start_gateway(folder, plan)
    try:
        yield gateway
    finally:
        gateway.stop()


def wait_for(look: Callable[[], Any], what: str, process: subprocess.Popen[bytes] | None = None) -> Any:
    """The first true value of `look`; it is asked again and again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        if process is not None and process.poll() is not None and not look():
            raise AssertionError(f"the process ended with {process.returncode} while waiting for {what}")
        time.sleep(0.03)
    raise AssertionError(f"waited in vain for {what}")


def _digits(line: str) -> str:
    match = re.search(r"port=\d+", line)
    return match[0] if match else ""


def _identities(folder: Path) -> KeyRing:
    ring = KeyRing(ISSUER)
    ring.add("EdDSA")
    (folder / "jwks.json").write_text(json.dumps(ring.jwks()))
    make_ca(folder / "tls")
    issue(folder / "tls", ["localhost", "127.0.0.1"])
    return ring


def _write_configuration(folder: Path, plan: Plan) -> None:
    file = folder / "hoop.toml"
    file.touch(mode=0o600)
    file.write_text(_configuration(folder, plan))


def _configuration(folder: Path, plan: Plan) -> str:
    scram = scram_verifier(SCRAM_PASSWORD, 4096)
    certificate = f'certificate = "{folder}/tls/localhost.pem"\nkey = "{folder}/tls/localhost.key"'
    api = {"api_port": plan.api_port, "api_tls": certificate if plan.api_tls else 'tls = "optional"'}
    told = {"stop_timeout": plan.stop_timeout, "url": plan.url, "workers": plan.workers, "gateway": plan.gateway, **api}
    head = _HEAD.format(folder=folder, issuer=ISSUER, scram=scram, **told)
    people = "".join(_account(name, *about) for name, about in plan.people.items())
    return f"{head}{people}{plan.text}"


def _account(name: str, kind: str, group: str) -> str:
    digest = hashlib.sha256(token_of(name).encode()).hexdigest()
    return f'[[accounts]]\nname = "{name}"\nkind = "{kind}"\ntoken_sha256 = "{digest}"\ngroups = ["{group}"]\n'
