"""The byte loops of the PostgreSQL relay: cutting messages, passing rows, rewriting masked cells.

This file is compiled with mypyc when the wheel is built with a C compiler, and runs interpreted otherwise: same source,
same tests. Hence the plain integer idiom. It knows no session: `Rewriter` calls a listener for every message that is
not a row, and rewrites rows by the plan that the listener has set. Rows are forwarded as the same bytes when no plan is
set, and are never held whole then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter, read_i16_be, read_i32_be, write_i32_be

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.integers import i32, i64
from twisted_hoop.postgres.kept import KeptRows
from twisted_hoop.postgres.rows import FIXED, NULL_CELL, SCANNED, CopyPlan, RowPlan, write_copied

DATA_ROW: Final = 68
COPY_DATA: Final = 100
MINIMUM: Final = 4
HELD_LIMIT: Final = 64 << 20
"""The largest message that is held whole: a row that must be rewritten, a statement, an error."""


class Rewriter:
    """The target's direction. `listener(kind, body)` answers None to forward a message as it is, or bytes instead.

    `plan` holds for the DataRows that follow, `copier` for the CopyData bodies that follow; the listener sets both.
    `rows`, `volume` and `masked` count since they were last reset by the listener. Rows that `kept` wants are put
    there as the client gets them.
    """

    def __init__(self, listener: Callable[[int, bytes], bytes | None]) -> None:
        self.listener = listener
        self.plan: RowPlan | None = None
        self.copier: Callable[[bytes], bytes] | None = None
        self.copy_plan: CopyPlan | None = None
        self.rows: i64 = 0
        self.volume: i64 = 0
        self.masked: i64 = 0
        self.kept = KeptRows()
        self._parts: list[bytes] = []
        self._have: i64 = 0
        self._want: i64 = 0
        self._skip: i64 = 0
        self._clean_until: i64 = 0
        self._dirty_until: i64 = 0

    def feed(self, data: bytes) -> bytes:
        """Bytes from the target → bytes for the client. Raises ProtocolError when framing is broken."""
        try:
            return self._feed(data)
        except (IndexError, ValueError, OverflowError):
            raise ProtocolError("a message of the target is malformed", "target") from None

    def _feed(self, data: bytes) -> bytes:
        n: i64 = len(data)
        pos: i64 = self._skip
        if pos >= n and pos > 0:
            self._skip = pos - n
            return data
        if self._have > 0:
            self._parts.append(data)
            self._have += n
            if self._have < self._want:
                return b""
            data = b"".join(self._parts)
            self._parts.clear()
            self._have = 0
            n = len(data)
        self._skip = 0
        self._clean_until = 0
        self._dirty_until = 0
        start: i64 = 0
        writer: BytesWriter | None = None
        while pos + 5 <= n:
            kind: i64 = data[pos]
            length: i64 = i64(read_i32_be(data, pos + 1))
            if length < MINIMUM:
                raise ProtocolError("a message of the target has an impossible length", "target")
            end: i64 = pos + 1 + length
            if kind == DATA_ROW:
                plan = self.plan
                if plan is not None or self.kept.wanted > 0:
                    if end > n:
                        break
                    if writer is None:
                        writer = BytesWriter()
                    if self.kept.wanted > 0:
                        start = self._kept_row(data, pos, end, start, n, plan, writer)
                    elif plan is not None:
                        start = self._row(data, pos, end, start, n, plan, writer)
                self.rows += 1
                self.volume += length
                pos = end
                continue
            if kind == COPY_DATA:
                copier = self.copier
                if copier is not None:
                    if end > n:
                        break
                    if writer is None:
                        writer = BytesWriter()
                    if start < pos:
                        writer.write(data[start:pos])
                    quick = self.copy_plan
                    if quick is not None and quick.cut(data, pos + 5, end):
                        self.masked += write_copied(data, pos + 5, end, quick, writer)
                        start = end
                        self.volume += length
                        pos = end
                        continue
                    body = copier(data[pos + 5 : end])
                    if len(body) > 0:
                        writer.append(COPY_DATA)
                        write_i32_be(writer, i32(len(body) + 4))
                        writer.write(body)
                    start = end
                self.volume += length
                pos = end
                continue
            if end > n:
                break
            instead = self.listener(int(kind), data[pos + 5 : end])
            if instead is not None:
                if writer is None:
                    writer = BytesWriter()
                if start < pos:
                    writer.write(data[start:pos])
                writer.write(instead)
                start = end
            pos = end
        return self._finish(data, n, pos, start, writer)

    def _finish(self, data: bytes, n: i64, pos: i64, start: i64, writer: BytesWriter | None) -> bytes:
        """Keep what is not whole, hand out the rest."""
        if pos > n:
            self._skip = pos - n
            pos = n
        elif pos < n:
            self._want = 5
            if n - pos >= 5:
                self._want = 1 + i64(read_i32_be(data, pos + 1))
            if self._want > HELD_LIMIT:
                raise ProtocolError("a message of the target is too large to be looked into", "target", "54000")
            self._parts.append(data[pos:n])
            self._have = n - pos
        if writer is None:
            return data if pos == n else data[:pos]
        if start < pos:
            writer.write(data[start:pos])
        return writer.getvalue()

    def _row(self, data: bytes, pos: i64, end: i64, start: i64, n: i64, plan: RowPlan, writer: BytesWriter) -> i64:
        """Rewrite the row at `pos` if it must be; the place up to which input is written is returned."""
        if plan.only_fixed:
            if plan.count == 1:
                return self._one_fixed_cell(data, pos, end, start, plan, writer)
            return self._fixed_row(data, pos, end, start, plan, writer)
        if plan.count == 0:
            raise ProtocolError("rows came that were not announced", "target")
        dirty: bool = False
        if plan.scans:
            if pos >= self._clean_until:
                dirty = self._look_ahead(data, pos, end, n, plan)
            if not dirty and not self._has_masks(plan):
                return start
        replacements: list[bytes | None] = []
        delta: i64 = self._replacements(data, pos, end, plan, dirty, replacements)
        if len(replacements) == 0:
            return start
        if start < pos:
            writer.write(data[start:pos])
        writer.append(DATA_ROW)
        write_i32_be(writer, i32(end - pos - 1 + delta))
        return self._write_row(data, pos, end, plan, replacements, writer)

    def _kept_row(
        self, data: bytes, pos: i64, end: i64, start: i64, n: i64, plan: RowPlan | None, writer: BytesWriter
    ) -> i64:
        """The same for a row that is recorded: what is kept is what the client gets (M12)."""
        if plan is None:
            self.kept.add(data[pos + 5 : end])
            return start
        own = BytesWriter()
        until: i64 = self._row(data, pos, end, pos, n, plan, own)
        row = own.getvalue() + data[until:end]
        self.kept.add(row[5:])
        if start < pos:
            writer.write(data[start:pos])
        writer.write(row)
        return end

    def _one_fixed_cell(self, data: bytes, pos: i64, end: i64, start: i64, plan: RowPlan, writer: BytesWriter) -> i64:
        """The same for a plan of one fixed cell: nothing is put aside."""
        cells: i64 = i64(read_i16_be(data, pos + 5))
        want: i64 = plan.index[0]
        if want >= cells:
            return start
        p: i64 = pos + 7
        i: i64 = 0
        while i < want:
            length: i64 = i64(read_i32_be(data, p))
            p += 4
            if length > 0:
                p += length
            i += 1
        length = i64(read_i32_be(data, p))
        if length < -1 or p + 4 + length > end:
            raise ProtocolError("a cell reaches past its row", "target")
        if length < 0:
            return start
        fixed = plan.fixed[0]
        self.masked += 1
        if start < pos:
            writer.write(data[start:pos])
        writer.append(DATA_ROW)
        write_i32_be(writer, i32(end - pos - 5 + len(fixed) - length))
        writer.write(data[pos + 5 : p])
        writer.write(fixed)
        return p + 4 + length

    def _fixed_row(self, data: bytes, pos: i64, end: i64, start: i64, plan: RowPlan, writer: BytesWriter) -> i64:
        """The same for a plan of fixed cells only, in one walk that ends at the last of them."""
        cells: i64 = i64(read_i16_be(data, pos + 5))
        source: i64 = pos + 5
        p: i64 = pos + 7
        i: i64 = 0
        delta: i64 = 0
        pieces: list[bytes] = []
        for k in range(plan.count):
            want: i64 = plan.index[k]
            if want >= cells:
                break
            while i < want:
                length: i64 = i64(read_i32_be(data, p))
                p += 4
                if length > 0:
                    p += length
                i += 1
            length = i64(read_i32_be(data, p))
            if length < -1 or p + 4 + length > end:
                raise ProtocolError("a cell reaches past its row", "target")
            if length >= 0:
                fixed = plan.fixed[k]
                pieces.append(data[source:p])
                pieces.append(fixed)
                delta += len(fixed) - 4 - length
                source = p + 4 + length
        if not pieces:
            return start
        self.masked += len(pieces) // 2
        if start < pos:
            writer.write(data[start:pos])
        writer.append(DATA_ROW)
        write_i32_be(writer, i32(end - pos - 1 + delta))
        writer.write(b"".join(pieces))
        return source

    def _has_masks(self, plan: RowPlan) -> bool:
        for kind in plan.kind:  # noqa: SIM110  a generator would cost more here
            if kind != SCANNED:
                return True
        return False

    def _replacements(
        self, data: bytes, pos: i64, end: i64, plan: RowPlan, dirty: bool, out: list[bytes | None]
    ) -> i64:
        """First walk: what each planned cell becomes (None: stays), and by how much the row grows."""
        cells: i64 = i64(read_i16_be(data, pos + 5))
        p: i64 = pos + 7
        k: i64 = 0
        i: i64 = 0
        delta: i64 = 0
        changed: bool = False
        want: i64 = plan.index[0]
        while i < cells:
            length: i64 = i64(read_i32_be(data, p))
            if length < -1 or p + 4 + length > end:
                raise ProtocolError("a cell reaches past its row", "target")
            if i == want:
                cell: bytes | None = None
                if length >= 0:
                    cell = self._cell(data, p, length, plan, k, dirty)
                if cell is not None:
                    changed = True
                    self.masked += 1
                    delta += len(cell) - 4 - length
                out.append(cell)
                k += 1
                if k == plan.count:
                    break
                want = plan.index[k]
            p += 4
            if length > 0:
                p += length
            i += 1
        if not changed:
            out.clear()
        return delta

    def _cell(self, data: bytes, p: i64, length: i64, plan: RowPlan, k: i64, dirty: bool) -> bytes | None:
        """The new cell with its length prefix, or None when it stays."""
        kind: i64 = plan.kind[k]
        if kind == FIXED:
            return plan.fixed[k]
        if kind == SCANNED and not dirty:
            return None
        function = plan.function[k]
        if function is None:
            return NULL_CELL
        old = data[p + 4 : p + 4 + length]
        new = function(old)
        if new is None:
            return NULL_CELL
        if new is old:
            return None if kind == SCANNED else data[p : p + 4 + length]
        return len(new).to_bytes(4, "big") + new

    def _write_row(
        self, data: bytes, pos: i64, end: i64, plan: RowPlan, replacements: list[bytes | None], writer: BytesWriter
    ) -> i64:
        """Second walk: write the row up to its last replaced cell; the rest is written with what follows."""
        source: i64 = pos + 5
        p: i64 = pos + 7
        i: i64 = 0
        k: i64 = 0
        total: i64 = len(replacements)
        want: i64 = plan.index[0]
        while k < total:
            length: i64 = i64(read_i32_be(data, p))
            step: i64 = 4
            if length > 0:
                step += length
            if i == want:
                cell = replacements[k]
                if cell is not None:
                    writer.write(data[source:p])
                    writer.write(cell)
                    source = p + step
                k += 1
                if k < total:
                    want = plan.index[k]
            p += step
            i += 1
        return source

    def _look_ahead(self, data: bytes, pos: i64, end: i64, n: i64, plan: RowPlan) -> bool:
        """Whether the scanned cells of the row at `pos` may hold something to hide.

        The rows from here to the end of the chunk are looked at together first: when they are clean, that was the
        price of one look; when they are not, each is looked at alone.
        """
        might = plan.might
        if might is None:
            return True
        if pos >= self._dirty_until:
            writer = BytesWriter()
            until: i64 = self._gather(data, pos, n, plan, writer)
            if not might(writer.getvalue()):
                self._clean_until = until
                return False
            self._dirty_until = until
        single = BytesWriter()
        self._gather_row(data, pos, end, plan, single)
        return might(single.getvalue())

    def _gather(self, data: bytes, pos: i64, n: i64, plan: RowPlan, writer: BytesWriter) -> i64:
        """The scanned cells joined by newlines: never raw rows, whose length bytes would spoil word boundaries."""
        while pos + 5 <= n and data[pos] == DATA_ROW:
            length: i64 = i64(read_i32_be(data, pos + 1))
            end: i64 = pos + 1 + length
            if length < MINIMUM or end > n:  # P7: the main loop refuses it when it comes to it
                break
            self._gather_row(data, pos, end, plan, writer)
            pos = end
        return pos

    def _gather_row(self, data: bytes, pos: i64, end: i64, plan: RowPlan, writer: BytesWriter) -> None:
        cells: i64 = i64(read_i16_be(data, pos + 5))
        p: i64 = pos + 7
        k: i64 = 0
        i: i64 = 0
        while i < cells and k < plan.count:
            length: i64 = i64(read_i32_be(data, p))
            if length < -1 or p + 4 + length > end:
                raise ProtocolError("a cell reaches past its row", "target")
            if i == plan.index[k]:
                if length > 0 and plan.kind[k] == SCANNED:
                    writer.write(data[p + 4 : p + 4 + length])
                    writer.append(10)
                k += 1
            p += 4
            if length > 0:
                p += length
            i += 1


class Cutter:
    """The client's direction: cuts messages one at a time, so that a question can be asked between two of them.

    With `through` set, runs of CopyData are handed out as they lie, whole or not: nothing looks into them.
    """

    def __init__(self) -> None:
        self.through: bool = False
        self._data: bytes = b""
        self._more: list[bytes] = []
        self._held: i64 = 0
        self._want: i64 = 0
        self._pos: i64 = 0
        self._end: i64 = 0
        self._start: i64 = 0
        self._skip: i64 = 0

    def feed(self, data: bytes) -> None:
        """More bytes from the client. A large message is joined once, when it is whole."""
        self._more.append(data)
        self._held += len(data)

    def waiting(self) -> int:
        """Bytes received and not handed out yet."""
        return int(len(self._data) - self._pos + self._held)

    def _join(self) -> None:
        if self._held == 0 or len(self._data) - self._pos + self._held < self._want:
            return
        if self._pos < len(self._data):
            self._more.insert(0, self._data[self._pos :])
        self._data = self._more[0] if len(self._more) == 1 else b"".join(self._more)
        self._more.clear()
        self._held = 0
        self._want = 0
        self._pos = 0

    def next(self) -> int:
        """The kind of the next whole message, or -1. `raw` and `body` are its parts until the next call."""
        self._join()
        data = self._data
        n: i64 = len(data)
        pos: i64 = self._pos
        if self._skip > 0:
            if pos >= n:
                return -1
            self._start = pos
            step: i64 = self._skip
            if step > n - pos:
                step = n - pos
            self._skip -= step
            self._pos = self._end = pos + step
            return COPY_DATA
        if pos + 5 > n:
            self._want = 5
            return -1
        kind: i64 = data[pos]
        length: i64 = i64(read_i32_be(data, pos + 1))
        if length < MINIMUM:
            raise ProtocolError("a message has an impossible length")
        if kind == COPY_DATA and self.through:
            return self._run(data, pos, n)
        end: i64 = pos + 1 + length
        if end > n:
            if length > HELD_LIMIT:
                raise ProtocolError("a message is too large", code="54000")
            self._want = length + 1
            return -1
        self._start = pos
        self._pos = self._end = end
        return int(kind)

    def _run(self, data: bytes, pos: i64, n: i64) -> int:
        self._start = pos
        while pos + 5 <= n and data[pos] == COPY_DATA:
            length: i64 = i64(read_i32_be(data, pos + 1))
            if length < MINIMUM:
                raise ProtocolError("a message has an impossible length")
            pos += 1 + length
        if pos > n:
            self._skip = pos - n
            pos = n
        self._pos = self._end = pos
        return COPY_DATA

    def raw(self) -> bytes:
        """The message (or run) as it came."""
        return self._data[self._start : self._end]

    def body(self) -> bytes:
        """What stands behind kind and length."""
        return self._data[self._start + 5 : self._end]
