"""From a request to its answer."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote

from tests.support.kube import discovery, reviews, subresources
from tests.support.kube.access import Access, Attributes, User
from tests.support.kube.answers import JSON, Form, body_of, form_of, read_body, shaped
from tests.support.kube.controllers import Controllers
from tests.support.kube.errors import ApiError, Json, no_such_path
from tests.support.kube.executing import execute
from tests.support.kube.forwarding import forward
from tests.support.kube.objects import Objects
from tests.support.kube.places import Place, place_of
from tests.support.kube.store import Store
from tests.support.kube.watching import Watch
from tests.support.kube.wire import Connection, Gone, HeadersOut, Request

_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_FINE = ("/healthz", "/livez", "/readyz")


class Api:
    """All of the server but its sockets."""

    def __init__(self, folder: Path, tokens: dict[str, User], log: TextIO) -> None:
        self.store = Store()
        self.access = Access(self.store, tokens)
        self._controllers = Controllers(self.store, folder)
        self._objects = Objects(self.store)
        self._log = log

    async def serve(self, connection: Connection) -> None:
        """Requests of one connection, one after the other."""
        socket = connection.writer.get_extra_info("ssl_object")
        certificate = socket.getpeercert() if socket is not None else None
        while (request := await connection.request()) is not None:
            told = self._told(request)
            try:
                await self._answer(request, connection, certificate, told)
            except ApiError as error:
                if connection.upgraded:
                    return
                await self._refuse(request, connection, error)
            except (Gone, ConnectionError):
                return
            except Exception:
                broken = ApiError(500, "InternalError", traceback.format_exc())
                await self._refuse(request, connection, broken)
            finally:
                self._write(told, "done", connection.status)
            if connection.over:
                return

    # -- the log --------------------------------------------------------------------------------------------------

    @staticmethod
    def _told(request: Request) -> Json:
        body = request.body.decode("latin-1")
        about = {"method": request.method, "target": request.target, "path": request.path}
        return {**about, "headers": request.raw_headers, "body": body}

    def _write(self, told: Json, event: str, status: int = 0) -> None:
        self._log.write(json.dumps({**told, "event": event, "status": status}) + "\n")
        self._log.flush()

    # -- answering ------------------------------------------------------------------------------------------------

    async def _answer(self, request: Request, connection: Connection, certificate: Any, told: Json) -> None:
        user = self.access.authenticate(request, certificate)
        told["caller"] = user.name
        user = self.access.impersonated(request, user)
        told |= {"user": user.name, "groups": list(user.groups), "extra": user.extra, "uid": user.uid}
        self._write(told, "asked")
        parts = request.path.strip("/").split("/")
        if (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3):
            await self._resource(request, connection, user)
            return
        verb = "get" if request.method in ("GET", "HEAD") else request.method.lower()
        if not self.access.may(user, Attributes(verb, path=request.path)):
            raise self.access.forbidden(user, Attributes(verb, path=request.path))
        await self._other(request, connection, parts)

    async def _refuse(self, request: Request, connection: Connection, error: ApiError) -> None:
        more: HeadersOut = [("Retry-After", "1")] if error.code == 429 else []
        kind = JSON
        body = json.dumps(error.status).encode() + b"\n"
        try:
            await connection.whole(error.code, body, kind, more, request.method == "HEAD")
        except Gone:
            connection.close = True

    async def _other(self, request: Request, connection: Connection, parts: list[str]) -> None:
        """Everything that is no resource."""
        path = request.path.rstrip("/")
        if path in _FINE:
            await connection.whole(200, b"ok", "text/plain; charset=utf-8")
        elif path == "/version":
            await self._json(connection, discovery.VERSION)
        elif path == "/openapi/v2":
            await connection.whole(200, discovery.openapi_v2(), _OPENAPI_V2)
        elif path == "/openapi/v3":
            await self._json(connection, discovery.openapi_index(self.store.kinds))
        elif path.startswith("/openapi/v3/"):
            await self._json(connection, discovery.openapi(path.removeprefix("/openapi/v3"), self.store.kinds))
        elif parts[0] in ("api", "apis"):
            await self._discovery(request, connection, path, parts)
        else:
            raise no_such_path()

    async def _discovery(self, request: Request, connection: Connection, path: str, parts: list[str]) -> None:
        shape = form_of(request, "", ("APIGroupDiscoveryList",)).shape if len(parts) == 1 else ""
        if not shape:
            await self._json(connection, discovery.legacy(path, self.store.kinds))
            return
        body = json.dumps(discovery.aggregated(parts[0] == "api", self.store.kinds)).encode()
        tag = f'"{hash(body):x}"'
        kind = f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        if request.header("if-none-match") == tag:
            # Caches take the headers of a 304 over: another content type would make the cached body another thing.
            await connection.whole(304, b"", kind, [("ETag", tag), ("Vary", "Accept")])
            return
        await connection.whole(200, body, kind, [("ETag", tag), ("Vary", "Accept")])

    @staticmethod
    async def _json(connection: Connection, found: Json) -> None:
        await connection.whole(200, json.dumps(found).encode(), JSON)

    # -- resources ------------------------------------------------------------------------------------------------

    async def _resource(self, request: Request, connection: Connection, user: User) -> None:
        place = place_of(request, self.store)
        if not self.access.may(user, place.attributes):
            raise self.access.forbidden(user, place.attributes)
        if place.sub in ("exec", "attach"):
            await execute(self._controllers, self.store, place, request, connection)
        elif place.sub == "portforward":
            await forward(self.store, place, request, connection)
        elif place.sub == "log":
            await subresources.log(self._controllers, self.store, place, request, connection)
        elif place.sub == "proxy":
            await self._proxy(place, request, connection)
        elif place.verb == "watch":
            form = form_of(request, place.kind.kind)
            await Watch(self.store, place, request, connection, form).run()
        else:
            await self._object(place, request, connection, user)

    async def _object(self, place: Place, request: Request, connection: Connection, user: User) -> None:
        form = form_of(request, _answered(place))
        status, found = self._done(place, request, user)
        plain = found.get("kind") not in (place.kind.kind, f"{place.kind.kind}List")
        body = body_of(
            Form(form.media) if plain else form, found if plain else shaped(form, place.kind, found, request)
        )
        await connection.whole(
            status, body, form.media, [("Cache-Control", "no-cache, private")], request.method == "HEAD"
        )

    def _done(self, place: Place, request: Request, user: User) -> tuple[int, Json]:
        """Carry it out: (status, object)."""
        match place.sub, place.verb:
            case "", "create" if place.kind.plural.endswith("reviews"):
                return 201, reviews.review(self.access, user, place, read_body(request))
            case "token", "create":
                self.store.get(place.kind, place.namespace, place.name)
                return 201, reviews.token_request(self.access, place, read_body(request))
            case "scale", _:
                return 200, subresources.scale(self.store, place, request)
            case "eviction" | "binding", "create":
                return 201, subresources.evict(self.store, place)
            case "", _:
                return self._usual(place, request)
            case _:
                return 200, subresources.changed(self._objects, self.store, place, request)

    def _usual(self, place: Place, request: Request) -> tuple[int, Json]:
        match place.verb:
            case "get":
                return 200, self.store.get(place.kind, place.namespace, place.name)
            case "list":
                return 200, self._objects.listed(place, request)
            case "create":
                return 201, self._objects.create(place, request)
            case "update":
                return 200, self._objects.update(place, request)
            case "patch":
                found, made = self._objects.patch(place, request)
                return 201 if made else 200, found
            case "deletecollection":
                return 200, self._objects.delete_all(place, request)
            case _:
                return 200, self._deleted(place, *self._objects.delete(place, request))

    @staticmethod
    def _deleted(place: Place, item: Json, gone: bool) -> Json:
        """A Status when it is gone; the object while finalizers hold it, and for pods."""
        if not gone or place.kind.kind == "Pod":
            return item
        about = item["metadata"]
        details = {"name": about["name"], "group": place.kind.group, "kind": place.kind.plural, "uid": about["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    async def _proxy(self, place: Place, request: Request, connection: Connection) -> None:
        """Proxy subresources: `redirect/URL` redirects there (K4), everything else says what it was asked."""
        self.store.get(place.kind, place.namespace, place.name.split(":")[0])
        first, _, rest = place.rest.partition("/")
        if first == "redirect":
            await connection.whole(302, b"", "text/plain", [("Location", f"https://{unquote(rest)}")])
            return
        told = {"proxied": place.rest, "method": request.method, "body": request.body.decode("latin-1")}
        await self._json(connection, told)


def _answered(place: Place) -> str:
    """The kind of the answer, which decides whether protobuf can carry it."""
    by_sub = {"token": "TokenRequest", "scale": "Scale", "eviction": "Status"}
    return by_sub.get(place.sub, place.kind.kind)
