"""Who the pages are about: an OpenID provider that signs for them, their tokens, and the browser they log in with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.loop import running_loop
from twisted_hoop.demo.issuer import start_issuer
from twisted_hoop.demo.keyring import KeyRing

_BROWSER = """\
#!/bin/sh
# Opens a page of the development issuer, and says who sits there.
exec curl -sS -o /dev/null --data-urlencode "who=${USER:-alice}" "$1"
"""


@dataclass(frozen=True, slots=True)
class People:
    """A provider, and the folder of `NAME` → token."""

    ring: KeyRing
    tokens: Path = field(default_factory=Path)

    @property
    def issuer(self) -> str:
        """Its address, on loopback."""
        return self.ring.issuer


@contextlib.contextmanager
def people_of(home: Path, groups: Mapping[str, Sequence[str]] | None = None) -> Iterator[People]:
    """The development issuer on a free port. `groups` are people whose tokens are written to files, and their groups.

    `xdg-open` in the place's `bin` is the browser: who opens a page there is who runs the command.
    """
    tokens = home / ".demo/tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    with running_loop() as loop:
        issuer, port = loop.run(lambda: start_issuer(loop.reactor, home / "issuer"))
        for who, theirs in (groups or {}).items():
            kind = "human" if theirs else "machine"
            about: dict[str, Any] = {"groups": list(theirs) or ["ai-agents"], "preferred_username": who, "kind": kind}
            (tokens / who).write_text(issuer.ring.token(who, 7200.0, **about))
        browser_in(home / "bin")
        try:
            yield People(issuer.ring, tokens)
        finally:
            loop.run(port.stopListening)


def browser_in(folder: Path) -> None:
    """The program that `hoop login` opens pages with."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "xdg-open").write_text(_BROWSER)
    (folder / "xdg-open").chmod(0o755)
