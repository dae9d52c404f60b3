"""The page about the API is made from the API."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import Api
from twisted_hoop.web.openapi import document_of
from twisted_hoop.web.reference import reference, the_document
from twisted_hoop.web.routes import make_table

PAGE = Path(__file__).parent.parent / "docs/reference/http-api.md"


def test_the_page_is_what_the_routes_say() -> None:
    """Otherwise: `python -m twisted_hoop.web.reference > docs/reference/http-api.md`."""
    assert PAGE.read_text() == reference(the_document())


def test_it_is_the_document_of_a_real_gateway(api: Api) -> None:
    assert the_document() == document_of(make_table(api.parts, api.loop.reactor))


def test_every_call_and_every_type_is_on_the_page() -> None:
    document, text = the_document(), reference(the_document())
    for path, methods in document["paths"].items():
        assert all(f"## {method.upper()} {path}\n" in text for method in methods)
    assert all(f"### {name}\n" in text for name in document["components"]["schemas"])
