"""An SSH relay on asyncssh, as its author advises (issue 468): `python asyncssh_relay.py PORT TARGET_PORT USER KEY`.

No policy, no recording: each command is redirected into a command at the target.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import asyncssh

GCM = ["aes128-gcm@openssh.com"]


class Everybody(asyncssh.SSHServer):
    """Lets everybody in."""

    def begin_auth(self, username: str) -> bool:
        """Nothing is asked."""
        return False


async def main() -> None:
    """Serve until killed."""
    port, target, user, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]

    async def relay(process: Any) -> None:
        options: Any = {"known_hosts": None, "username": user, "client_keys": [key], "encryption_algs": GCM}
        async with asyncssh.connect("127.0.0.1", target, config=None, agent_path=None, **options) as connection:
            ends = {"stdin": process.stdin, "stdout": process.stdout, "stderr": process.stderr}
            running = await connection.create_process(process.command, encoding=None, **ends)
            done = await running.wait()
            process.exit(done.exit_status or 0)

    host_key = asyncssh.generate_private_key("ssh-ed25519")
    await asyncssh.create_server(
        Everybody, "127.0.0.1", port, server_host_keys=[host_key], process_factory=relay, encoding=None,
        encryption_algs=GCM,
    )  # fmt: skip
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
