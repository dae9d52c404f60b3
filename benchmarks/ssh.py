"""What the gateway costs on SSH: speed, latency, CPU and memory, against sshd itself and other relays.

    python benchmarks/ssh.py [--quick] [--json] [--only PATTERN] [--rounds N]

Variants: `direct` (OpenSSH's ssh to its sshd); `hoop` (account and target in the user name; policy and recording on);
`hoop -J` (ssh -J through the gateway, which sees inside); `hoop masked` (two detectors on the output); `openssh -J` (a
jump host of OpenSSH's own, which sees nothing); `asyncssh` (a relay as asyncssh's author advises); `stock conch` (Conch
as it comes); the last two without policy and recording. All speak aes128-gcm but Conch, which has only CTR.

They take turns within one run; compare ratios, not figures of different runs. CPU is the relay's own, from the
scheduler: client, sshd and relay share the machine's cores, so the speed of a relay here is a lower bound, and
`cpu_s_per_gb` says what a core would carry. `--quick` takes less than a minute. `--only` is a regular expression.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable

import harness  # noqa: F401 - finds this checkout
from harness.rows import SSH_COLUMNS, Work, as_json, as_line, heading
from harness.ssh_works import bulk, echo, idle, neighbour, setup
from harness.ssh_world import SshWorld, ssh_world


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", metavar="PATTERN", help="works whose name matches")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="turns of each variant")
    parser.add_argument("--sessions", type=int, default=0, metavar="N", help="idle sessions (default 60, quick 10)")
    return parser.parse_args()


def works(world: SshWorld, given: argparse.Namespace) -> Iterable[Work]:
    """Every work there is."""
    quick = given.quick
    size = 100_000_000 if quick else 500_000_000
    yield from bulk(world, given.rounds or (1 if quick else 5), size)
    yield from echo(world, 500 if quick else 3000)
    yield from setup(world, given.rounds or (3 if quick else 20))
    yield from idle(world, given.sessions or (10 if quick else 60))
    yield from neighbour(world, 300 if quick else 2000)


def main() -> None:
    """Measure and print."""
    given = arguments()
    with ssh_world(20_000_000 if given.quick else 100_000_000) as world:
        if not given.json:
            print(heading(" ".join(["python benchmarks/ssh.py", *sys.argv[1:]]), SSH_COLUMNS))
        for name, work in works(world, given):
            for row in work() if re.search(given.only, name) else ():
                print(as_json(row) if given.json else as_line(row, SSH_COLUMNS), flush=True)


if __name__ == "__main__":
    main()
