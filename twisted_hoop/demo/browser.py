"""A log-in at the console as a browser without scripts makes it, for the demo's own check."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urlsplit

from twisted_hoop.demo.place import DemoFailed


class Browser:
    """Keeps cookies and follows redirects. Blocking."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def log_in(self, console: str, who: str) -> str:
        """The page shown after logging in as somebody at the development issuer; DemoFailed when there is none."""
        where, _ = self._open(f"{console}/login/start?{urlencode({'to': '/'})}")
        if not urlsplit(where).path.endswith("/authorize"):
            raise DemoFailed(f"the console does not lead to the issuer but to {where}")
        return self._open(where, urlencode({"who": who}).encode())[1]

    def _open(self, url: str, form: bytes | None = None) -> tuple[str, str]:
        try:
            with self._opener.open(url, form, timeout=20) as page:
                return page.url, page.read().decode("utf-8", "replace")
        except (OSError, urllib.error.URLError) as fault:
            raise DemoFailed(f"{url}: {fault}") from fault
