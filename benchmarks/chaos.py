"""Kill a gateway under load, fifty times, and count what was lost. `python benchmarks/chaos.py [--rounds N]`

No speed is measured: each round starts `twistd hoop`, has three clients insert rows through it, and ends it by SIGKILL
at a moment of chance. The last start closes what was left open; then every command that a client had an answer to must
be in a recording, every recording must verify, and nothing may have reached the target without its record. Exit code 1
if not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import harness  # noqa: F401 - finds this checkout

from tests.integration.plans import RULES, target
from tests.support.chaos import kill_rounds
from tests.support.gateway import Plan
from tests.support.postgres import running_postgres

_LOGIN, _PASSWORD, _TABLE = "hooplogin", "chaos", "killed"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50, metavar="N", help="how often it is killed (50)")
    return parser.parse_args()


def main() -> int:
    """Print what was lost: nothing."""
    given = arguments()
    with running_postgres() as server, tempfile.TemporaryDirectory(prefix="hoop-chaos-") as folder:
        server.run(f"create role {_LOGIN} login password '{_PASSWORD}'")
        server.create_database("shop")
        server.run(f"create table {_TABLE} (id int, note text)", "shop")
        server.run(f"alter table {_TABLE} owner to {_LOGIN}", "shop")
        plan = Plan(target("shop", server, "shop", _LOGIN) + RULES, {"TARGET_PASSWORD": _PASSWORD})
        told = kill_rounds(Path(folder) / "gateway", plan, _TABLE, given.rounds)
        there = {row[0] for row in server.run(f"select note from {_TABLE}", "shop")}
    print(told)
    unseen, lost = there - told.recorded, told.acknowledged - there
    print(f"{len(there)} rows: {len(unseen)} of them without a record; {len(lost)} acknowledged but not there")
    return 1 if unseen or lost or told.acknowledged - told.recorded else 0


if __name__ == "__main__":
    sys.exit(main())
