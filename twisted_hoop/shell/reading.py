"""What is known of a command line: values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twisted_hoop.model import Facts


@dataclass(frozen=True, slots=True)
class Transfer:
    """A command that speaks a file protocol on its streams, which are therefore bytes and never text.

    `program` is scp, rsync, sftp-server, internal-sftp, git-upload-pack, git-receive-pack or git-upload-archive.
    `direction` is as seen by the client: "upload" writes at the target, "download" reads there, "both" may do either.
    `paths` are canonical, as in facts.
    """

    program: str
    direction: Literal["upload", "download", "both"]
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One command line: `facts` has at least one element, one for each simple command that would run.

    `transfer` is set when the whole line is one file transfer. `assignments` are NAME=VALUE pairs the line sets, values
    as written where they cannot be resolved. `why` says, for people, what could not be understood; "" when all was.
    """

    text: bytes
    facts: tuple[Facts, ...]
    transfer: Transfer | None = None
    assignments: tuple[tuple[str, str], ...] = ()
    why: str = ""
