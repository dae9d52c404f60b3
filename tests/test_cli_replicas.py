"""`hoop replicas` and `hoop drain`, against a real API."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.api import Api
from twisted_hoop.cli.main import cli
from twisted_hoop.store.replicas import Replica, Replicas, draining


def hoop(api: Api, who: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments], env={"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)})


def here(api: Api, ident: str) -> None:
    table = Replicas(api.office.database)
    api.loop.run(lambda: table.here(Replica(ident, "hoop", "1", "v1", 1.0, api.office.time(), 7)))


def test_replicas_are_listed(api: Api) -> None:
    here(api, "replica-one")
    assert "replica-one" in hoop(api, "carol", "replicas").output
    (found,) = json.loads(hoop(api, "olga", "replicas", "--json").output)
    assert (found["sessions"], found["draining"]) == (7, "")
    assert hoop(api, "alice", "replicas").exit_code == 1


def test_one_is_asked_to_stop(api: Api) -> None:
    here(api, "replica-one")
    assert hoop(api, "carol", "drain", "replica-one").exit_code == 1
    assert hoop(api, "olga", "drain", "replica-two").exit_code == 1
    assert hoop(api, "olga", "drain", "../x").exit_code == 2
    done = hoop(api, "olga", "drain", "replica-one", "--reason", "version 2", "--json")
    assert json.loads(done.output) == {"draining": "replica-one"}
    assert api.office.database.read_now(lambda c: draining(c, "replica-one")).endswith(": version 2")


def test_waiting_ends_when_it_is_gone(api: Api) -> None:
    here(api, "replica-one")
    api.loop.run(lambda: api.loop.reactor.callLater(0.5, Replicas(api.office.database).gone, "replica-one"))
    assert hoop(api, "olga", "drain", "replica-one", "--wait").output == "replica-one drains\n"
    assert hoop(api, "olga", "replicas", "--json").output == "[]\n"
