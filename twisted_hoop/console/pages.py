"""Templates → answers. Everything that is shown is escaped, and what hides in a text is written out (A3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from twisted.internet.threads import deferToThreadPool

from twisted_hoop.approval.shown import visible
from twisted_hoop.console import filters
from twisted_hoop.console.visits import Visit
from twisted_hoop.web.calls import Reply

HTML = "text/html; charset=utf-8"
_FOLDER = Path(__file__).parent / "templates"

_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY.format(scripts=""),
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not "no-referrer": with that, browsers would not name the origin of a form either.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
}
PLAYER_HEADERS = {**PAGE_HEADERS, "Content-Security-Policy": _POLICY.format(scripts=" 'wasm-unsafe-eval'")}
"""For the one page whose player of terminals is WebAssembly."""


class Pages:
    """Renders the templates of this room. They are compiled when this is made: nothing is read later.

    `reactor` lends the threads long pages are made in.
    """

    def __init__(
        self,
        name: Callable[[], str],
        rights: Callable[[Visit], Mapping[str, bool]],
        version: str,
        reactor: Any = None,
    ) -> None:
        self._reactor = reactor
        self._name = name
        self._rights = rights
        self._environment = _compiled(version)

    def show(
        self,
        template: str,
        visit: Visit | None,
        status: int = 200,
        headers: Mapping[str, str] = PAGE_HEADERS,
        **values: Any,
    ) -> Reply:
        """A whole page or a part of one, for this visit."""
        return Reply(text=self.render(template, visit, **values), status=status, media_type=HTML, headers=headers)

    async def drawn(self, template: str, visit: Visit | None, **values: Any) -> Reply:
        """The same as `show` for pages that may be long: made in a thread, so that no session waits for it (R14)."""
        pool = self._reactor.getThreadPool()
        made: Reply = await deferToThreadPool(self._reactor, pool, lambda: self.show(template, visit, **values))
        return made

    def render(self, template: str, visit: Visit | None, **values: Any) -> bytes:
        """The same as bytes."""
        rights = self._rights(visit) if visit is not None else {}
        found = self._environment.get_template(template)
        text = found.render(visit=visit, may=rights, gateway=self._name(), **values)
        return text.encode("utf-8", "backslashreplace")

    def with_cookie(self, page: Reply, cookie: str) -> Reply:
        """The same page, setting the cookie."""
        return replace(page, headers={**page.headers, "Set-Cookie": cookie})


@lru_cache(maxsize=1)
def _compiled(version: str) -> Environment:
    """Every template, read and compiled; nothing changes it afterwards, so that one serves all."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(filters.FILTERS)
    environment.globals["static"] = f"/static/{version}"
    for template in environment.list_templates():
        environment.get_template(template)
    return environment


def _safe(value: Any) -> Any:
    """R6, A3: whatever a template puts out, control and bidirectional characters are seen and not obeyed."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return "" if value is None else value


def redirect(path: str, cookie: str = "") -> Reply:
    """Go there with a GET (RFC 9110 section 15.4.4)."""
    headers = {**PAGE_HEADERS, "Location": path}
    if cookie:
        headers["Set-Cookie"] = cookie
    return Reply(text=b"", status=303, media_type=HTML, headers=headers)
