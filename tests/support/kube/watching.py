"""Watches: events from a version on, bookmarks, and initial events (WatchList)."""

from __future__ import annotations

import asyncio
import contextlib
import json

from tests.support.kube import protobuf
from tests.support.kube.answers import Form, shaped
from tests.support.kube.errors import ApiError, Json
from tests.support.kube.objects import chosen
from tests.support.kube.places import Place
from tests.support.kube.store import Change, Store, Watcher
from tests.support.kube.wire import Connection, Gone, Request

BOOKMARKS = 5.0
"""Seconds between bookmarks."""
LONGEST = 600.0
_END = "k8s.io/initial-events-end"


class Watch:
    """One watch on one connection."""

    def __init__(self, store: Store, place: Place, request: Request, connection: Connection, form: Form) -> None:
        self._store, self._place, self._request = store, place, request
        self._connection, self._form = connection, form
        self._headed = True
        self._bookmarks = request.true("allowWatchBookmarks")

    async def run(self) -> None:
        """Until the time is up, the client leaves, or the server ends."""
        since, initial = self._start()
        watcher = self._store.watch(self._place.kind, since)
        seconds = float(self._request.first("timeoutSeconds") or LONGEST)
        gone = asyncio.create_task(self._connection.departure())
        work = asyncio.create_task(self._events(watcher, initial))
        try:
            await self._connection.start(self._form.stream)
            await asyncio.wait({gone, work}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            if not gone.done():
                await self._connection.end()
                self._connection.close = True
        finally:
            self._store.watchers.remove(watcher)
            for task in (gone, work):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Gone):
                    await task

    def _start(self) -> tuple[int, list[Json]]:
        """From which version on, and what is told first."""
        version = self._request.first("resourceVersion")
        whole = self._request.true("sendInitialEvents") or version in ("", "0")
        if not whole:
            since = int(version)
            if since < self._store.history[0].version - 1:
                raise ApiError(410, "Expired", f"too old resource version: {since}")
            return since, []
        items = self._store.find(self._place.kind, self._place.namespace)
        return 0, [each for each in items if chosen(each, self._place, self._request)]

    async def _events(self, watcher: Watcher, initial: list[Json]) -> None:
        version = self._store.version
        for each in initial:
            await self._tell("ADDED", each)
        if self._request.true("sendInitialEvents"):
            await self._bookmark(version, {_END: "true"})
        while True:
            try:
                change = await asyncio.wait_for(watcher.queue.get(), BOOKMARKS)
            except TimeoutError:
                if self._bookmarks:
                    await self._bookmark(self._store.version)
                continue
            type_ = self._type(change)
            if type_:
                kind = self._place.kind
                await self._tell(type_, {**change.item, "kind": kind.kind, "apiVersion": kind.api_version})

    def _type(self, change: Change) -> str:
        """As whoever selects sees it: what no longer fits is deleted."""
        fits = chosen(change.item, self._place, self._request)
        fitted = change.before is not None and chosen(change.before, self._place, self._request)
        if change.type == "DELETED":
            return "DELETED" if fits else ""
        if change.type == "MODIFIED" and fits != fitted:
            return "ADDED" if fits else "DELETED"
        return change.type if fits else ""

    async def _bookmark(self, version: int, annotations: dict[str, str] | None = None) -> None:
        about: Json = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            about["annotations"] = annotations
        kind = self._place.kind
        item: Json = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": about}
        if self._form.shape == "Table":
            item |= {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": None, "rows": []}
        if self._form.shape == "PartialObjectMetadata":
            item |= {"kind": self._form.shape, "apiVersion": "meta.k8s.io/v1"}
        await self._send("BOOKMARK", item)

    async def _tell(self, type_: str, item: Json) -> None:
        item = shaped(self._form, self._place.kind, item, self._request, self._headed)
        self._headed = False
        await self._send(type_, item)

    async def _send(self, type_: str, item: Json) -> None:
        if self._form.media == protobuf.MEDIA_TYPE:
            await self._connection.chunk(protobuf.event(type_, item))
        else:
            line = json.dumps({"type": type_, "object": item}, separators=(",", ":")).encode()
            await self._connection.chunk(line + b"\n")
