"""Recordings in object storage: put if absent, read back and compared, put together again. Blocks.

A recording of one segment or less is one object, named like its file: `2026/11/22/<id>.hoop`. A longer one is pieces,
`….hoop.<first byte>-<start of its SHA-256>`, and a list of them, `….hoop.end`, which is put last. Names of pieces come
from what is in them: after a crash, what is there already is found there, and what a torn end once put is in no list.
Nothing is ever put over anything, so versions and object locks are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson

from twisted_hoop.archive.catalogue import Kept
from twisted_hoop.errors import HoopError

T = TypeVar("T")
MIB = 1 << 20
MOST = 1 << 40
_LONGEST_LIST = 64 * MIB


class StorageFault(HoopError):
    """Object storage does not do what it should: it is down, refuses, or has something else under the name."""


class StorageConflict(StorageFault):
    """Something else has the name of a recording: that one cannot be stored, others can."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One object of several: its name, where it begins in the recording, its size and SHA-256 in hex."""

    name: str
    offset: int
    size: int
    sha256: str


class Storage:
    """See the module. `store` is one of obstore's; `segment` is in bytes."""

    def __init__(self, store: Any, segment: int) -> None:
        self._store = store
        self.segment = segment

    def check(self) -> None:
        """Ask for something that is not there: StorageFault when nobody answers, or not to us."""
        self._size(".hoop-asks")

    def keep(self, path: Path, name: str) -> str:
        """Store a file that does not change any more under this name; its SHA-256 in hex, read back and compared."""
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size <= self.segment:
                data = stream.read(self.segment + 1)
                self._put(name, data)
                return sha256(data).hexdigest()
            pieces, whole = self._pieces(stream, name)
        said = [{"name": p.name, "offset": p.offset, "size": p.size, "sha256": p.sha256} for p in pieces]
        size = pieces[-1].offset + pieces[-1].size
        self._put(f"{name}.end", orjson.dumps({"size": size, "sha256": whole, "pieces": said}))
        return whole

    def _pieces(self, stream: BinaryIO, name: str) -> tuple[list[Piece], str]:
        whole, pieces, offset = sha256(), [], 0
        while data := stream.read(self.segment):
            whole.update(data)
            pieces.append(self._piece(name, offset, data))
            offset += len(data)
        return pieces, whole.hexdigest()

    def _piece(self, name: str, offset: int, data: bytes) -> Piece:
        digest = sha256(data).hexdigest()
        piece = Piece(f"{name}.{offset:012}-{digest[:16]}", offset, len(data), digest)
        if self._size(piece.name) != len(data):
            self._put(piece.name, data)
        return piece

    def begin(self, path: Path, name: str, offset: int) -> int:
        """Store whole segments of a file that grows, from `offset` on; where the next one begins."""
        with path.open("rb") as stream:
            stream.seek(offset)
            while os.fstat(stream.fileno()).st_size - offset > self.segment:
                data = stream.read(self.segment)
                if len(data) < self.segment:
                    break
                self._piece(name, offset, data)
                offset += len(data)
        return offset

    def _put(self, name: str, data: bytes) -> None:
        """Put if absent, then read back. StorageConflict when something else is there."""
        import obstore

        with suppress(_Exists):  # of an earlier try: what counts is what is there
            self._call(obstore.put, name, data, mode="create", use_multipart=False)
        if self._call(_read, name, len(data)) != data:
            raise StorageConflict(f"{name} in object storage is not what was recorded")

    def _size(self, name: str) -> int:
        """The size of an object; -1 for none."""
        import obstore

        try:
            return int(self._call(obstore.head, name)["size"])
        except FileNotFoundError:
            return -1

    def has(self, found: Kept) -> bool:
        """Whether a recording is there in its full length, as far as can be told without reading it."""
        name = found.path
        if found.bytes <= self.segment and self._size(name) == found.bytes:
            return True
        try:
            pieces = self._listed(name)
        except FileNotFoundError:
            return False
        return sum(p.size for p in pieces) == found.bytes and all(self._size(p.name) == p.size for p in pieces)

    def read(self, name: str, most: int = MOST) -> Iterator[bytes]:
        """What was stored under the name, a segment at a time: no more than `most` bytes, whatever is there now.

        StorageFault, also when there is nothing.
        """
        try:
            yield self._call(_read, name, most)
        except FileNotFoundError:
            pass
        else:
            return
        try:
            for piece in self._listed(name):
                most -= piece.size
                yield self._call(_read, piece.name, piece.size if most >= 0 else 0)
        except FileNotFoundError as error:
            raise StorageFault(f"{name} is not in object storage, or not whole") from error

    def _listed(self, name: str) -> list[Piece]:
        """The pieces of a long recording. FileNotFoundError when there is no list."""
        data = self._call(_read, f"{name}.end", _LONGEST_LIST)
        try:
            return [_piece(each) for each in orjson.loads(data)["pieces"]]
        except (ValueError, TypeError, KeyError) as error:
            raise StorageFault(f"{name}.end in object storage cannot be read") from error

    def objects(self, name: str) -> list[str]:
        """The objects there are of a recording, as far as their names tell: itself, its list, its pieces."""
        return [each for each in (name, f"{name}.end") if self._size(each) >= 0] or self._others(name)

    def pieces(self, name: str) -> list[Piece]:
        """The pieces of a long recording, [] for one that is a single object. StorageFault when the list is spoilt."""
        try:
            return [] if self._size(name) >= 0 else self._listed(name)
        except FileNotFoundError as error:
            raise StorageFault(f"{name}.end is not in object storage") from error

    def holds(self, piece: Piece) -> bool:
        """Whether a piece is there and what its list says."""
        try:
            return sha256(self._call(_read, piece.name, piece.size)).hexdigest() == piece.sha256
        except (FileNotFoundError, StorageConflict):
            return False

    def delete(self, found: Kept) -> str:
        """Remove every object of a recording; "" or what stays, as under an object lock: without its key, worthless."""
        import obstore

        left = []
        long = found.bytes > self.segment
        names = [f"{found.path}.end", *self._others(found.path)] if long else [found.path]
        for name in names:
            try:
                if self._size(name) >= 0:
                    self._call(obstore.delete, name)
            except StorageFault as error:
                if not isinstance(error.__cause__, PermissionError):
                    raise
                left.append(name)
        return f"object storage does not let go of {', '.join(left)}" if left else ""

    def _others(self, name: str) -> list[str]:
        """Pieces, also those in no list."""
        import obstore

        folder, _, file = name.rpartition("/")
        found = self._call(lambda store, prefix: list(obstore.list(store, prefix)), folder)
        names = [str(each["path"]) for some in found for each in some]
        return [each for each in names if each.rpartition("/")[2].startswith(f"{file}.0")]

    def _call(self, function: Callable[..., T], name: str, *arguments: Any, **more: Any) -> T:
        """Whatever goes wrong is a StorageFault, but what is there already or not there at all."""
        from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PermissionDeniedError

        try:
            return function(self._store, name, *arguments, **more)
        except AlreadyExistsError as error:
            raise _Exists(name) from error
        except (FileNotFoundError, NotFoundError) as error:
            raise FileNotFoundError(name) from error
        except PermissionDeniedError as error:
            raise StorageFault(f"object storage refuses {name}") from PermissionError(str(error))
        except (BaseError, OSError) as error:
            # The first line: below it stands the request with all that is in it.
            raise StorageFault(f"object storage: {str(error).partition(chr(10))[0][:300]}") from error


class _Exists(Exception):
    """There is an object of that name."""


def _piece(said: Any) -> Piece:
    """As a list says it; TypeError and ValueError for what no gateway wrote."""
    piece = Piece(**said)
    if not (isinstance(piece.name, str) and isinstance(piece.size, int) and piece.size >= 0):
        raise ValueError("no piece")
    return piece


def _read(store: Any, name: str, most: int) -> bytes:
    """An object of at most so many bytes: a larger one is not ours, and must not fill the memory."""
    import obstore

    found = obstore.get(store, name)
    if found.meta["size"] > most:
        raise StorageConflict(f"{name} in object storage is larger than what was stored")
    return bytes(found.bytes())
