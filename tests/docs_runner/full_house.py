"""The house with all that stands in one: the gateway, a second replica, object storage, an agent.

The configuration is that of docs/getting-started.md with what further pages show: their own issuer of
docs/token-exchange.md, storage, a store that replicas share, the name of an agent.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.docs_runner.house_place import House, before, configuration, place_in
from tests.docs_runner.places import ROOT, Place, fenced
from tests.docs_runner.standing import Standing, waiting_for
from tests.support.gateway import PATIENCE
from tests.support.s3 import ACCESS, SECRET, Seaweed, running_seaweed

_MORE = """
[store]
url = "postgresql://{user}:{password}@127.0.0.1:{port}/store"
[recording.storage]
url = "s3://recordings/hoop"
endpoint = "{storage}"
region = "us-east-1"
access_key = "env:S3_ACCESS"
secret_key = "env:S3_SECRET"
every = "0.2s"
[[listeners]]
name = "agents"
protocol = "agent"
endpoint = "tcp:{agents}:interface=127.0.0.1"
certificate = "tls/hoop.pem"
key = "tls/hoop-key.pem"
[[agents]]
name = "office"
"""
_AGENT = """\
[agent]
name = "office"
gateway = "tls://localhost:{agents}"
state = "{home}/var/lib/hoop-agent"
join_token = "file:{home}/etc/hoop/join-token"
ca = "{home}/etc/hoop/tls/ca.pem"
[[allow]]
host = "localhost"
ports = [{port}]
"""


@contextlib.contextmanager
def full_house(home: Path) -> Iterator[Place]:
    """Everything runs, and one session has been."""
    with before(home) as house, running_seaweed(home / "storage") as storage, contextlib.ExitStack() as stack:
        house.server.create_database("store")
        place = place_in(house)
        _add(place, storage)
        _write(house, storage)
        for replica in ("hoop", "hoop-2"):
            stack.enter_context(_gateway(place, replica))
        stack.enter_context(_agent(house, place))
        _shell(place, "sam", 'PGPASSWORD=$TOKEN psql … -c "select 1"')
        yield place


def _add(place: Place, storage: Seaweed) -> None:
    tokens = place.home / ".demo/tokens"
    asked = f"HOOP_TOKEN_FILE={tokens / 'olga'} hoop"
    rows = {
        "https://s3.internal:9000": storage.endpoint,
        "eu-central-1": "us-east-1",
        "KEY_ID=…": f"KEY_ID={ACCESS}",
        "ACCESS_KEY=…": f"ACCESS_KEY={SECRET}",
        "9f86d081884c7d659a2feaa0c55ad015": f"$({asked} agents list --json | jq -r '.agents[0].ident')",
        "REPLICA": f"$({asked} replicas --json | jq -r '.[-1].id')",
    }
    place.table.rows.update(rows)
    place.environ |= {"S3_ACCESS": ACCESS, "S3_SECRET": SECRET}


def _write(house: House, storage: Seaweed) -> None:
    """Both configurations, of the gateway and of its second replica, and the agent's."""
    shown = fenced(ROOT / "docs/token-exchange.md", "toml")[0]
    own = "[own_issuer]" + shown.partition("[own_issuer]")[2].partition("[[issuers]]")[0]
    given = {"user": house.server.user, "password": house.server.password, "port": house.server.port}
    more = _MORE.format(storage=storage.endpoint, agents=house.ports["agents"], **given)
    text = configuration(house).replace('max_lifetime = "12h"', 'max_lifetime = "12h"\nkind_claim = "kind"')
    guests = 'request_groups = ["contractors"]\nrequest_approvers = ["dba"]\n\n[[rules]]'
    text = text.replace("[[rules]]", guests, 1) + own + more
    house.configuration.write_text(text)
    for port in house.ports.values():
        text = text.replace(f"tcp:{port}:", "tcp:0:")
    second = text.replace(f'"{house.home}/var/lib/hoop"', f'"{house.home}/var/lib/hoop-2"')
    house.configuration.with_name("hoop-2.toml").write_text(second)
    (house.home / "var/lib/hoop-2").mkdir(mode=0o700)
    about = {"home": house.home, "agents": house.ports["agents"], "port": house.server.port}
    house.configuration.with_name("agent.toml").write_text(_AGENT.format(**about))


@contextlib.contextmanager
def _gateway(place: Place, replica: str) -> Iterator[None]:
    file = place.home / f"etc/hoop/{replica}.toml"
    command = ["twistd", "-n", "--pidfile=", "hoop", "--config", str(file), "--log", "text"]
    with Standing(command, place.home / f"{replica}.log", place.given("")) as gateway:
        waiting_for(gateway, "hoop is ready")
        yield


@contextlib.contextmanager
def _agent(house: House, place: Place) -> Iterator[None]:
    token = house.configuration.with_name("join-token")
    token.touch(mode=0o600)
    token.write_text(_shell(place, "olga", "hoop agents join-token office --json | jq -r .token"))
    (house.home / "var/lib/hoop-agent").mkdir(mode=0o700)
    command = ["twistd", "-n", "--pidfile=", "hoop-agent", "--config", f"{house.home}/etc/hoop/agent.toml"]
    with Standing(command, place.home / "agent.log", place.given("")) as agent:
        waiting_for(agent, "is connected")
        yield


def _shell(place: Place, who: str, command: str) -> str:
    words = ["bash", "-c", place.table.command(command)]
    given = place.given(who)
    return subprocess.run(words, env=given, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
