from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from tests.support.approvals import BOB
from tests.support.loop import Loop
from twisted_hoop.console import pages
from twisted_hoop.console.pages import PAGE_HEADERS, Pages, redirect
from twisted_hoop.console.visits import Visit

TEMPLATES = sorted((Path(pages.__file__).parent / "templates").glob("*.html"))
VISIT = Visit(BOB, "token", 0.0, 0.0)


def ours() -> Pages:
    return Pages(lambda: "north", lambda visit: {"audit": False, "operate": False, "look": False}, "v1")


def test_a_page_with_its_headers() -> None:
    page = ours().show("refused.html", None, 403, why="no")
    assert page.status == 403 and b"No." in page.data() and b"north" in page.data()
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy and "data:" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"


def test_what_is_shown_is_escaped_and_seen() -> None:
    """A3, R6: also where a template forgot to ask for it."""
    page = ours().show("refused.html", None, why="<b>\u202e\x1b[2J\x00").data().decode()
    assert "&lt;b&gt;\\u{202E}\\u{1B}[2J\\u{0}" in page and "\u202e" not in page and "\x1b" not in page


def test_a_name_that_is_missing_is_an_error() -> None:
    with pytest.raises(Exception, match="why"):
        ours().show("refused.html", None)


def test_lone_surrogates_do_not_break_a_page() -> None:
    assert b"\\u{D800}" in ours().show("refused.html", None, why="\ud800").data()


def test_redirects_and_cookies() -> None:
    assert redirect("/x", "a=b").headers["Set-Cookie"] == "a=b"
    assert "Set-Cookie" not in redirect("/x").headers
    page = ours().with_cookie(ours().show("refused.html", None, why="x"), "a=b")
    assert page.headers["Set-Cookie"] == "a=b" and set(PAGE_HEADERS) < set(page.headers)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_code_and_every_form_its_token(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\son[a-z]+=|style=|javascript:|<style|hx-on|\|\s*safe|autoescape", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.S):
        assert "csrf" in form
    for field in re.findall(r"<(?:input|select|textarea)(?![^>]*hidden)[^>]*>", text):
        assert re.search(rf"<label[^>]*>(?:(?!</label>).)*{re.escape(field)}", text, re.S), field


def test_long_pages_are_made_in_a_thread(loop: Loop) -> None:
    """R14: no session waits while a page is drawn."""
    here: list[str] = []

    def rights(visit: Visit) -> dict[str, bool]:
        here.append(threading.current_thread().name)
        return {"audit": False, "operate": False, "look": False}

    pages = Pages(lambda: "north", rights, "v1", loop.reactor)
    page = loop.run(lambda: pages.drawn("refused.html", VISIT, why="x"))
    assert page.status == 200 and "PoolThread" in here[0]
