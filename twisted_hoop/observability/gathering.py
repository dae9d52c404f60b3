"""One text of metrics for several processes of one machine: each keeps its own in a file, any of them tells of all.

Samples get a label `worker` with the number of their process. Whoever is asked writes its own file first, and then
reads every file, its own as well: so a counter of a worker never goes back, whichever worker is asked next.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

STALE = 30.0
"""Seconds after which a file is of a worker that is gone."""
_SUFFIX = ".prom"


class Gathered:
    """See the module. `folder` is private and there; `render` gives this worker's own text. Blocks; any thread.

    `now` gives POSIX time, as files have it. Of two workers of one number (one drains) the later one counts.
    """

    def __init__(
        self, folder: Path, number: int, render: Callable[[], bytes], now: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._render, self._now = folder, render, now
        self._path = folder / f"{number}-{int(now() * 1000):015}-{os.getpid()}{_SUFFIX}"
        self._lock = threading.Lock()
        self._over = False

    def write(self) -> None:
        """Keep this worker's numbers where the others find them. OSError when that cannot be."""
        with self._lock:
            if self._over:
                return
            draft = self._path.with_suffix(".draft")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(self._render())
            draft.rename(self._path)

    def all(self) -> bytes:
        """The text of all workers; of this one alone when the folder cannot be used."""
        try:
            self.write()
            return merged(self._texts())
        except OSError:
            return self._render()

    def remove(self) -> None:
        """This worker is over."""
        with self._lock:
            self._over = True
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _texts(self) -> list[tuple[str, bytes]]:
        """By number; what is stale is removed."""
        latest: dict[str, Path] = {}
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with suppress(FileNotFoundError):  # its worker stopped while we looked
                if path.stat().st_mtime < self._now() - STALE:
                    path.unlink()
                else:
                    latest[path.name.partition("-")[0]] = path
        found = []
        for number, path in sorted(latest.items()):
            with suppress(FileNotFoundError):
                found.append((number, path.read_bytes()))
        return found


def merged(texts: Iterable[tuple[str, bytes]]) -> bytes:
    """Texts of several workers as one: each family once, with the samples of all, labelled with their number."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for number, text in texts:
        family = ""
        for line in text.decode("utf-8", "replace").split("\n"):
            if line.startswith("# "):
                family = line.split(" ", 3)[2]
                known = heads.setdefault(family, [])
                if len(known) < 2 and line not in known:  # HELP and TYPE
                    known.append(line)
            elif line:
                samples.setdefault(family, []).append(labelled(line, number))
    lines = [line for family, head in heads.items() for line in (*head, *samples.get(family, []))]
    return "".join(f"{line}\n" for line in lines).encode()


def labelled(line: str, number: str) -> str:
    """A sample with one label more, the first."""
    name, brace, rest = line.partition("{")
    if brace and " " not in name:
        return f'{name}{{worker="{number}",{rest}'
    name, _, value = line.partition(" ")
    return f'{name}{{worker="{number}"}} {value}'
