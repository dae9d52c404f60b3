"""docs/ci-jobs.md and etc/ci: the jobs' own lines, run by bash, with tokens of the shapes GitHub and GitLab make.

GitHub's endpoint for tokens is a server here that answers like it; issuers are the page's, their keys from a file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import target
from tests.support.gateway import Gateway, Plan, running_gateway
from tests.test_docs_identity import GITHUB, GITLAB
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.demo.database import programs
from twisted_hoop.demo.keyring import KeyRing

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/ci-jobs.md").read_text()
NAME = "hoop.example.com"
REQUEST_TOKEN = "what the runner was given"


def blocks(language: str) -> list[str]:
    """The page's blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@dataclass
class Ci:
    """A gateway with the page's issuers and rules, and what signs for GitHub and GitLab."""

    gateway: Gateway
    folder: Path
    ring: KeyRing

    def token(self, shape: dict[str, Any], **changed: Any) -> str:
        now = int(time.time())
        return self.ring.sign(
            {**shape, "iat": now, "nbf": now - 5, "exp": now + 300, "jti": os.urandom(8).hex(), **changed}
        )

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A job's lines, with the gateway's name leading here, and nothing else of our environment but the PATH."""
        place = self.folder / "job"
        place.mkdir(exist_ok=True)
        path = f"{os.environ['PATH']}:{programs(17)}" if not shutil.which("psql") else os.environ["PATH"]
        here = {
            "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(self.gateway.ports["ci"]),
            "PGSSLROOTCERT": str(self.folder / "pki/ca.pem"),
        }
        given = {"PATH": path, "HOME": str(place), "PSQLRC": os.devnull, **here, **environment}
        words = ["bash", "-e", "-o", "pipefail", "-c", script]
        return subprocess.run(words, env=given, cwd=place, capture_output=True, text=True, timeout=90)


@pytest.fixture(scope="module")
def ci(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ci]:
    folder = tmp_path_factory.mktemp("ci")
    ring = KeyRing()
    ring.add("RS256", "key-1")
    (folder / "jwks.json").write_text(json.dumps(ring.jwks()))
    make_ca(folder / "pki")
    certificate, key = issue(folder / "pki", [NAME])
    keys = f'jwks = "{folder}/jwks.json"\naudience'
    issuers = "".join(block.replace("audience", keys, 1) for block in blocks("toml")[:2])
    tls = f'certificate = "{certificate}"\nkey = "{key}"\n'
    listener = f'[[listeners]]\nname = "ci"\nprotocol = "postgres"\nendpoint = "tcp:0:interface=127.0.0.1"\n{tls}'
    shop = target("shop", house.server, house.database, LOGIN)
    plan = Plan(issuers + listener + shop + blocks("toml")[2], {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(folder / "gateway", plan) as gateway:
        yield Ci(gateway, folder, ring)


@pytest.fixture
def runner(ci: Ci) -> Iterator[dict[str, str]]:
    """GitHub's endpoint for tokens; the variables of the environment by which a job finds it."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            allowed = self.headers.get("Authorization") == f"bearer {REQUEST_TOKEN}"
            self.send_response(200 if allowed else 401)
            self.end_headers()
            claims = {**GITHUB, "aud": asked["audience"][0]}
            self.wfile.write(json.dumps({"count": 1, "value": ci.token(claims)}).encode() if allowed else b"{}")

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
    yield {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}
    server.shutdown()
    server.server_close()


def test_the_workflow_of_github_actions_gets_its_report(ci: Ci, runner: dict[str, str]) -> None:
    workflow = yaml.safe_load((ROOT / "etc/ci/github-actions.yml").read_text())
    job = workflow["jobs"]["orders"]
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    steps = "\n".join(step["run"] for step in job["steps"])
    summary = ci.folder / "summary"
    given = {**{name: str(value) for name, value in job["env"].items()}, **runner, "GITHUB_STEP_SUMMARY": str(summary)}
    done = ci.run(steps, **{**given, "PGSSLROOTCERT": str(ci.folder / "pki/ca.pem")})
    assert done.returncode == 0, done.stderr
    assert re.match(r"status,count\n\w+,\d+\n", summary.read_text())
    assert "::add-mask::ey" in done.stdout, "the runner must know what to hide"


def test_the_ten_lines_for_github_actions(ci: Ci, runner: dict[str, str]) -> None:
    lines = blocks("yaml")[0]
    assert lines.count("\n") <= 10
    script = yaml.safe_load(lines)["jobs"]["report"]["steps"][0]["run"]
    done = ci.run(_here(ci, script), **runner)
    assert done.returncode == 0 and "(1 row)" in done.stdout, done.stderr


def test_the_job_of_gitlab_gets_its_report(ci: Ci) -> None:
    job = yaml.safe_load((ROOT / "etc/ci/gitlab-ci.yml").read_text())["orders"]
    token = ci.token(GITLAB, aud=job["id_tokens"]["PGPASSWORD"]["aud"])
    given = {**job["variables"], "PGSSLROOTCERT": str(ci.folder / "pki/ca.pem"), "PGPASSWORD": token}
    done = ci.run("\n".join([*job["script"], "cat report.csv"]), **given)
    assert done.returncode == 0 and done.stdout.startswith("status,count\n"), done.stderr


def test_the_lines_for_gitlab(ci: Ci) -> None:
    lines = blocks("yaml")[1]
    job = yaml.safe_load(lines)["report"]
    assert lines.count("\n") <= 10
    token = ci.token(GITLAB, aud=job["id_tokens"]["PGPASSWORD"]["aud"])
    done = ci.run(_here(ci, "\n".join(job["script"])), PGPASSWORD=token)
    assert done.returncode == 0 and "(1 row)" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "changed",
    [
        {"ref": "refs/pull/7/merge", "event_name": "pull_request"},
        {"repository": "mallory/shop"},
        {"repository_owner_id": "66"},
        {"aud": "https://other.example.com"},
        {"iss": "https://token.actions.githubusercontent.com.mallory.example"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_job_of_github_does_not_get_in(ci: Ci, changed: dict[str, Any]) -> None:
    """I3: issuer and audience exactly; and every claim the page asks for."""
    assert _refused(ci, ci.token({**GITHUB, **changed}))


@pytest.mark.parametrize(
    "changed", [{"ref_protected": "false"}, {"project_id": "21"}, {"project_path": "acme/other"}], ids=str
)
def test_another_job_of_gitlab_does_not_get_in(ci: Ci, changed: dict[str, Any]) -> None:
    assert _refused(ci, ci.token({**GITLAB, **changed}))


def test_a_migration_waits_for_people_and_passes_later(ci: Ci) -> None:
    token = ci.token(GITHUB)
    line = 'psql "host=hoop.example.com dbname=shop user=ci sslmode=verify-full" -c "create table of_ci (id int)"'
    done = ci.run(line, PGPASSWORD=token)
    assert done.returncode == 1 and "migrations-are-approved" in done.stderr, done.stderr
    waiting = ci.gateway.api("GET", "/v1/approvals", "bob").json
    ident = next(each["id"] for each in waiting["approvals"] if "of_ci" in json.dumps(each))
    assert ci.gateway.api("POST", f"/v1/approvals/{ident}/approve", "bob", {}).status == 200
    again = ci.run(line, PGPASSWORD=token)
    assert again.returncode == 0 and "CREATE TABLE" in again.stdout, again.stderr


def _here(ci: Ci, script: str) -> str:
    """The system's authorities do not know the test's."""
    assert "sslrootcert=system" in script
    return script.replace("sslrootcert=system", f"sslrootcert={ci.folder}/pki/ca.pem")


def _refused(ci: Ci, token: str) -> bool:
    done = ci.run(
        'psql "host=hoop.example.com dbname=shop user=ci sslmode=verify-full" -c "select 1"', PGPASSWORD=token
    )
    return done.returncode == 2 and "authentication failed" in done.stderr
