"""A3, A4: an approval is for these parameters and this text, also where neither can be shown whole. Live gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.attacks import EVERYTHING_AT_ALL, MASKS, Attacked, attacked
from tests.support.postgres import Server
from tests.support.wire import Message, Wire, bind, codes, execute, parse, query, sync

RULES = f"""
[[rules]]
name = "deletes"
effect = "review"
statements = ["delete"]
approvers = ["dba"]
wait = "0s"
uses = 1
{EVERYTHING_AT_ALL}
"""
FINDING = """
[[masks]]
name = "found"
except_groups = ["dba"]
detect = ["card"]
"""


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(postgres, tmp_path_factory.mktemp("parameters"), RULES, MASKS + FINDING) as house:
        yield house


def run(wire: Wire, text: str, value: bytes) -> list[Message]:
    wire.send(parse("", text), bind("", "", [value]), execute(), sync())
    return wire.until_ready()


@pytest.mark.parametrize(
    ("text", "agreed", "other"),
    [
        ("delete from customers where card_number = $1 and id < 0", b"4111111111111111", b"5555555555554444"),
        ("delete from orders where status = $1 and id < 0", b"4111111111111111", b"5555555555554444"),
        ("delete from orders where status = $1 and id < 1", b"one", b"two"),
    ],
)
def test_A4_M12_hidden_parameters_are_part_of_what_is_approved(
    house: Attacked, text: str, agreed: bytes, other: bytes
) -> None:
    """A4: the first value is approved; with another one, shown just as hidden, the statement does not run."""
    with house.wire() as wire:
        assert codes(run(wire, text, agreed)) == ["42501"]
        request = house.gateway.pending(text)
        assert b"4111111111111111" not in house.gateway.api("GET", f"/v1/approvals/{request['id']}", "bob").body
        assert house.gateway.decide(request["id"]).status == 200
        assert codes(run(wire, text, other)) == ["42501"]
        assert codes(run(wire, text, agreed)) == []
        assert codes(run(wire, text, agreed)) == ["42501"]


def test_A3_P10_people_see_every_text_that_may_run(house: Attacked) -> None:
    """A3: the delete is at the target under that name; the harmless text sent after it is what the gateway saw last."""
    delete = "delete from orders where id = -77"
    with house.wire() as wire:
        wire.send(parse("s", delete), sync(), parse("s", "select 'harmless'"), sync(), bind("", "s"), execute(), sync())
        answer = wire.until_ready(3)
        assert codes(answer) == ["42P05", "42501"]
    assert "select 'harmless'" in house.gateway.pending(delete)["text"]


def test_A4_the_search_path_of_the_bind_is_part_of_what_is_approved(house: Attacked) -> None:
    """P18, A4: bound under one path, executed under another: the request says both."""
    with house.wire() as wire:
        wire.send(query("begin"), parse("s", "delete from orders where id = -78"), sync())
        wire.until_ready(2)
        wire.query("set search_path = public, pg_temp")
        wire.send(bind("p", "s"), sync())
        wire.until_ready()
        wire.query("set search_path = public")
        wire.send(execute("p"), sync())
        assert codes(wire.until_ready()) == ["42501"]
    request = house.gateway.pending("id = -78")
    shown = house.gateway.api("GET", f"/v1/approvals/{request['id']}", "bob").body
    assert b"public,pg_temp" in shown or b"public, pg_temp" in shown
