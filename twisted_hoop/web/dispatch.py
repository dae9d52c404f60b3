"""From a call to its answer: route, authenticate, handle. Knows no HTTP library."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Answer, Call, Reply, named
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import MEDIA_TYPE, Problem, problem_of
from twisted_hoop.web.routes import find, make_routes

_NO_TOKEN = {"WWW-Authenticate": 'Bearer realm="hoop"'}


class Dispatcher:
    """Answers calls. `answer` never raises: what is not expected is logged and told as 500, without its text."""

    _log = Logger()

    def __init__(self, parts: Parts, reactor: Any) -> None:
        self._identity = parts.identity
        self._routes = make_routes(parts, reactor)

    async def answer(self, call: Call) -> Answer:
        """The answer to one call."""
        try:
            return await self._handle(call)
        except Exception as fault:  # noqa: BLE001 - the boundary: one call's fault is never another's (R15)
            return self._refusal(call, fault)

    async def _handle(self, call: Call) -> Answer:
        endpoint, ids = find(self._routes, call.method, call.path)
        principal = None
        if endpoint.access == "bearer" or (endpoint.access == "local" and not call.local):
            principal = await self._authenticate(call)
            if principal.targets is not None and not endpoint.narrow:
                # I8: a token for certain targets neither votes nor asks for more in its owner's name.
                raise Problem(403, "the token is for its targets only")
        answer = await endpoint.handler(call, principal, **ids)
        who = named(principal) if principal else ""
        self._log.debug("{method} {path}", method=call.method, path=call.path, principal=who, request=call.request_id)
        return answer

    async def _authenticate(self, call: Call) -> Principal:
        """I8: one door. A bearer token in its header, nothing else: no cookie, no query, no certificate."""
        if not (call.peer.encrypted or call.local):
            raise Problem(403, "tokens are not taken in the clear: use TLS")
        scheme, _, token = call.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Problem(401, "a bearer token is needed", _NO_TOKEN)
        principal: Principal = await self._identity.authenticate(token.strip(), call.peer)
        if not self._identity.still_valid(principal):
            raise AuthenticationFailed(f"{principal.key} is locked or expired")
        return principal

    def _refusal(self, call: Call, fault: Exception) -> Reply:
        problem = problem_of(fault)
        if problem is None:
            self._log.failure("{method} {path} failed", method=call.method, path=call.path, request=call.request_id)
            problem = Problem(500, "an internal error; the log has more")
        elif isinstance(fault, AuthenticationFailed):
            self._log.info("refused at the API: {why}", why=str(fault), address=call.peer.address)
        return Reply(problem.body(call.request_id), problem.status, media_type=MEDIA_TYPE, headers=problem.headers)
