"""A target of HTTP as it is offered."""

from __future__ import annotations

from typing import Any

from tests.support.http_house import section_of
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.settings import MaskSection

PARTS: Any = (None, PlainDialect(section_of(1), b"k" * 32))
MASKS = [MaskSection(name=name, patterns=["x+"]) for name in ("a", "b", "c")]


def test_names_masks_and_whether_a_reload_changes_it() -> None:
    section = section_of(443, names=["orders.gw", "o[0-9].gw"], tls="require")
    hall = HttpHall(section, *PARTS, MASKS)
    assert hall.answers_to("orders.gw") and hall.answers_to("o7.gw") and not hall.answers_to("x.gw")
    assert [mask.name for mask in hall.masks(frozenset({"c", "a", "z"}))] == ["a", "c"]
    assert hall.same(section, MASKS) and not hall.same(section, MASKS[1:]) and not hall.same(section_of(444), MASKS)
    assert hall.host == b"127.0.0.1" and HttpHall(section_of(8443), *PARTS, ()).host == b"127.0.0.1:8443"


def test_what_is_remembered_has_an_end() -> None:
    hall = HttpHall(section_of(1), *PARTS, MASKS)
    for number in range(600):
        hall.masks(frozenset({str(number)}))
    assert len(hall._chosen) <= 256
