"""`hoop deliveries`, against a real API."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.api import Api
from twisted_hoop.cli.main import cli
from twisted_hoop.model import Notice
from twisted_hoop.notify.deliveries import DEAD
from twisted_hoop.store.tables import deliveries


def hoop(api: Api, who: str, *arguments: str) -> Result:
    environ = {"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)}
    return CliRunner().invoke(cli, ["deliveries", *arguments], env=environ)


def dead(api: Api, count: int) -> None:
    """That many dead letters."""
    from twisted_hoop.notify.deliveries import Deliveries

    table = Deliveries(api.office.database, api.office.time)
    for number in range(count):
        notice = Notice(f"notice-{number}", "requested", 0.0, "https://hoop", {"id": f"approval-{number}"})
        api.loop.run(lambda notice=notice: table.add(["chat"], notice))
    api.office.database.write_now(lambda c: c.execute(deliveries.update().values(state=DEAD, error="refused\x1b[2J")))


def test_dead_letters_are_listed_and_sent_again(api: Api) -> None:
    assert hoop(api, "olga", "list").output == "no dead letters\n"
    dead(api, 3)
    shown = hoop(api, "olga", "list")
    assert shown.output.count("chat") == 3 and "\x1b" not in shown.output
    ids = hoop(api, "olga", "list", "--ids").output.split()
    assert hoop(api, "olga", "retry", ids[0]).output == "1 will be tried again\n"
    assert hoop(api, "olga", "retry", ids[0]).exit_code == 1
    done = json.loads(hoop(api, "olga", "retry", "--all", "--json").output)
    assert {each["state"] for each in done} == {"waiting"} and len(done) == 2
    assert len(json.loads(hoop(api, "olga", "list", "--state", "all", "--json").output)) == 3


def test_which_must_be_said_and_who_may_is_checked(api: Api) -> None:
    assert hoop(api, "olga", "retry").exit_code == 2
    assert hoop(api, "olga", "retry", "--all", "some-delivery").exit_code == 2
    assert hoop(api, "olga", "retry", "../x").exit_code == 2
    assert hoop(api, "alice", "list").exit_code == 1
