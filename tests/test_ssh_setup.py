"""What comes before a command: variables by list (S18) and by number, and what of it is part of an approval."""

from __future__ import annotations

from tests.support.ssh_relay import env_, pty_
from twisted_hoop.ssh.events import Request
from twisted_hoop.ssh.requests import Size, parse_terminal
from twisted_hoop.ssh.setup import MOST_VARIABLES, Setup


def test_S18_variables_by_list_and_by_number() -> None:
    setup = Setup(lambda name: name.startswith("LC_"))
    assert setup.variable(b"LC_ALL", b"C") and not setup.variable(b"LD_PRELOAD", b"/x.so")
    assert not setup.variable("LC_Ä".encode(), b"")
    taken = [setup.variable(f"LC_{n}".encode(), b"x") for n in range(MOST_VARIABLES + 10)]
    assert taken.count(True) == MOST_VARIABLES - 1 and len(setup.variables) == MOST_VARIABLES
    assert not Setup(lambda name: True).variable(b"BIG", b"x" * 70_000)


def test_what_is_meant_for_the_gateway() -> None:
    setup = Setup(lambda name: True)
    assert setup.variable(b"HOOP_REASON", b"ticket \xff") and setup.variable(b"HOOP_OUTPUT", b"json")
    assert setup.reason == "ticket \\xff" and setup.as_json and setup.variables == {}
    assert setup.variable(b"HOOP_OUTPUT", b"text") and not setup.as_json


def test_in_front_of_the_command_and_in_its_context() -> None:
    setup = Setup(lambda name: True)
    assert setup.requests() == [] and setup.context() == () and setup.entry() == {}
    setup.resize(Size(1, 1))
    setup.variable(b"B", b"2")
    setup.variable(b"A", b"1")
    setup.terminal = parse_terminal(pty_().data)
    setup.display, setup.agent = Request(b"x11-req"), Request(b"auth-agent-req@openssh.com")
    setup.resize(Size(90, 30))
    size = parse_terminal(pty_(90, 30).data).resized(Size(90, 30))
    assert setup.requests() == [size.request(), setup.display, setup.agent, env_(b"B", b"2"), env_(b"A", b"1")]
    assert setup.context() == (("terminal", "xterm"), ("env A", "1"), ("env B", "2"))
    assert setup.entry()["terminal"] == {"term": "xterm", "columns": 90, "rows": 30}
