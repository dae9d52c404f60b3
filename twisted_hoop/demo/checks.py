"""`--check`: every command of the tour, run as printed, and held against what it says."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

from twisted_hoop.demo.browser import Browser
from twisted_hoop.demo.children import Children, Done
from twisted_hoop.demo.place import DemoFailed
from twisted_hoop.demo.tour import Stop, Tour

CLEAR = (
    "4111111111111111",
    "5555555555554444",
    "734-10-1000",
    "735-11-1173",
    "ada.lovelace1@",
    "hk_test_6e4d",
    "hs_test_xaea",
)
"""Values of the shop that must not be seen."""
PATIENCE = 30.0


class Checks:
    """Runs the tour. `say` gets one line for each command. Blocking."""

    def __init__(self, tour: Tour, children: Children, say: Callable[[str], None]) -> None:
        self._tour = tour
        self._children = children
        self._say = say
        self._stops = {stop.name: stop for chapter in tour.chapters() for stop in chapter.stops}
        self.failed: list[str] = []

    def run(self) -> bool:
        """Everything, in order. Whether all of it did what it says."""
        self._masking()
        self._policy()
        self._approval()
        self._own()
        self._recording()
        self._browser()
        return not self.failed

    def _masking(self) -> None:
        self._check("cells", shows=("Ada Lovelace", "1111", "(3 rows)"))
        self._check("json", shows=("to_json", "*****", "(1 row)"))
        self._check("copy", shows=("Ada Lovelace", "Hedy Conway", "1111"))
        self._check("documents", shows=("payments", "owner"))
        self._check("oracle", fails=True, shows=("ERROR",), hides=("Ada Lovelace",))

    def _policy(self) -> None:
        self._check("drop", fails=True, shows=("42501", "not dropped here"))
        self._extra("the table is still there", self._tour.psql("ci-bot", "select count(*) from orders"), "(1 row)")
        self._check("agent", fails=True, shows=("42501", "agents only look"))
        self._check("update", shows=("UPDATE 1",))

    def _approval(self) -> None:
        before = self._count(7)
        waiting = self._children.begin(self._stops["delete"].command)
        self._until_listed(waiting)
        self._check("list", shows=("pending", "alice", "delete from orders where id = 7"))
        self._extra("the row is there while the DELETE waits", self._counting(7), before)
        self._check("approve", shows=("granted",))
        done = self._children.finish(waiting)
        self._judge(self._stops["delete"], done, False, ("NOTICE", "DELETE 1"), ())
        self._extra("exactly that row is gone", self._counting(7), _rows(0))

    def _own(self) -> None:
        waiting = self._children.begin(self._stops["own"].command)
        self._until_listed(waiting)
        self._check("self", fails=True, shows=("nobody approves what they ask for themselves",))
        self._check("deny", shows=("denied",))
        self._judge(self._stops["own"], self._children.finish(waiting), True, ("ERROR", "not today"), ("DELETE 1",))
        self._extra("the row stays", self._counting(8), _rows(1))

    def _recording(self) -> None:
        self._check("sessions", shows=("alice", "shop"))
        self._check("replay", shows=("delete from orders where id = 7", "deletes-are-approved", "bob", "DELETE 1"))
        newest = self._tour.hoop("carol", "sessions list --subject alice --limit 1 --json")
        self._extra("the list tells how many commands there were", newest, '"count": 1')
        ids = self._line(self._tour.hoop("carol", "sessions list --ids --limit 12")).output.split()
        replays = " && ".join(self._tour.hoop("carol", f"sessions replay {ident}") for ident in ids)
        self._extra(f"no clear value in {len(ids)} recordings", replays, "session")
        self._check("verify", shows=("recordings verify", "ledger"), hides=("DAMAGED", "PROBLEM"))

    def _browser(self) -> None:
        try:
            done = Done(0, Browser().log_in(self._tour.console, "bob"))
        except DemoFailed as fault:
            done = Done(1, str(fault))
        self._judge(self._stops["console"], done, False, ("Inbox", "bob"), ())

    # -- running --------------------------------------------------------------------------------------------------

    def _line(self, command: str) -> Done:
        return self._children.finish(self._children.begin(command))

    def _check(self, name: str, *, fails: bool = False, shows: Sequence[str] = (), hides: Sequence[str] = ()) -> None:
        stop = self._stops[name]
        self._judge(stop, self._line(stop.command), fails, shows, hides)

    def _extra(self, says: str, command: str, shows: str) -> None:
        self._judge(Stop("", says, command), self._line(command), False, (shows,), ())

    def _judge(self, stop: Stop, done: Done, fails: bool, shows: Sequence[str], hides: Sequence[str]) -> None:
        problems = [f"the exit code is {done.code}"] if bool(done.code) is not fails else []
        problems += [f"{text!r} is missing" for text in shows if text not in done.output]
        problems += [f"{text!r} is there" for text in (*CLEAR, *hides) if text in done.output]
        if not problems:
            self._say(f"  ok      {stop.says}")
            return
        self.failed.append(stop.says)
        lines = "\n".join("          " + line for line in done.output.rstrip().splitlines())
        self._say(f"  FAILED  {stop.says}: {'; '.join(problems)}\n          {stop.command}\n{lines}")

    def _until_listed(self, waiting: subprocess.Popen[str]) -> None:
        """Until the command that waits has filed its request; if it never does, what follows fails and says so."""
        until = time.monotonic() + PATIENCE
        while waiting.poll() is None and time.monotonic() < until:
            if self._line(self._tour.hoop("carol", "approvals list --ids")).output.strip():
                return

    def _counting(self, order: int) -> str:
        return self._tour.psql("ci-bot", f"select 'rows: ' || count(*) from orders where id = {order}")  # noqa: S608 - an int

    def _count(self, order: int) -> str:
        found = self._line(self._counting(order)).output
        return _rows(1) if _rows(1) in found else _rows(0)


def _rows(count: int) -> str:
    return f"rows: {count}"
