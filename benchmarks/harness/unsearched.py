"""twistd with a gateway that records, and whose recordings nobody indexes: what search costs is the difference."""

from __future__ import annotations

from twisted.scripts.twistd import run

from twisted_hoop.archive.indexer import Indexer


def opened(indexer: Indexer, session: str) -> None:
    """In place of `Indexer.opened` and `Indexer.closed`."""


if __name__ == "__main__":
    Indexer.opened = Indexer.closed = opened  # type: ignore[method-assign]
    run()
