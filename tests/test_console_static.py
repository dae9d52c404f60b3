from __future__ import annotations

import gzip
import re

import pytest

from tests.support.visitor import ConsoleHouse, text_of
from twisted_hoop.console.static import FOLDER


def test_every_file_a_page_names_is_there(console: ConsoleHouse) -> None:
    bob = console.visitor()
    page = text_of(bob.get("/login"))
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(named) >= 5
    for path in named:
        answer = bob.get(path)
        assert answer.status == 200 and "immutable" in answer.headers["cache-control"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["nothing.js", "console.css.map", "..", "%2e%2e%2fpages.py", "../pages.py", "a/b.js"])
def test_R9_no_other_file_is(console: ConsoleHouse, path: str) -> None:
    assert console.visitor().get(f"/static/000000000000/{path}").status == 404


def test_an_old_address_is_not_kept(console: ConsoleHouse) -> None:
    answer = console.visitor().get("/static/000000000000/console.css")
    assert answer.status == 200 and answer.headers["cache-control"] == "no-cache"


def test_what_others_wrote_comes_with_its_licence() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    for other in ("htmx", "htmx-sse", "asciinema-player"):
        assert f"{other}-licence.txt" in names
        assert any(re.fullmatch(rf"{other}-[0-9.]+\.min\.js", name) for name in names)


def test_pages_stay_light() -> None:
    """What every page loads, compressed, in kilobytes."""
    always = [path for path in FOLDER.iterdir() if path.suffix in (".css", ".js") and "asciinema" not in path.name]
    assert sum(len(gzip.compress(path.read_bytes())) for path in always) < 30_000


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read_in_light_and_in_dark() -> None:
    """WCAG 2.2, 1.4.3 (AA): 4.5 to 1 for text; 1.4.11: 3 to 1 for the edges of controls."""
    style = (FOLDER / "console.css").read_text()
    schemes = re.findall(r":root \{(.*?)\}", style, re.S)
    assert len(schemes) == 2
    light = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", schemes[0]))
    dark = {**light, **dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", schemes[1]))}
    grounds = ("ground", "surface", "sunken")
    pairs = [(text, ground) for text in ("text", "muted", "accent", "bad", "wait") for ground in grounds]
    pairs += [(name, f"{name}-ground") for name in ("good", "bad", "wait", "calm")] + [("text", "good-ground")]
    for scheme in (light, dark):
        for text, ground in pairs:
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground, scheme[text], scheme[ground])
        for edge in ("strong-line", "focus"):
            assert contrast(scheme[edge], scheme["surface"]) >= 3, edge
    for name in ("approve", "primary"):
        (button,) = re.findall(rf"button\.{name}, \.button\.{name} \{{ background: (#[0-9a-f]+); color: #fff", style)
        assert contrast(button, "#ffffff") >= 4.5
