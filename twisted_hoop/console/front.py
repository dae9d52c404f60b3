"""One listener, two doors: paths of the API go to the API, all others to the console."""

from __future__ import annotations

from twisted_hoop.web.calls import Answer, Call
from twisted_hoop.web.site import Answering

API = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json", "/.well-known", "/oauth")
"""What the API has; a path below one of these is the API's too."""


class Front:
    """See the module. No path is both: a cookie proves nothing to the API, a bearer token nothing to the console."""

    def __init__(self, api: Answering, console: Answering) -> None:
        self._api = api
        self._console = console

    async def answer(self, call: Call) -> Answer:
        """The answer to one call."""
        return await (self._api if is_api(call.path) else self._console).answer(call)


def is_api(path: str) -> bool:
    """Whether the path is the API's."""
    return any(path == name or path.startswith(name + "/") for name in API)
