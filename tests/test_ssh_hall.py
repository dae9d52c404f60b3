"""An SSH target as it is offered: by its name and further names, at SSH's port or its own, and nothing else (S10)."""

from __future__ import annotations

import pytest

from tests.support.ssh_fakes import hall_of, section_of
from twisted_hoop.settings import MaskSection


@pytest.mark.parametrize(
    ("host", "port"), [("web-1", 22), ("WEB-1.", 2022), ("web-1.internal", 22), ("www.internal", 22)]
)
def test_names_that_mean_it(host: str, port: int) -> None:
    assert hall_of(names=[r"web-1\.internal", "www.internal"]).answers_to(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("web-1", 80),
        ("web-2", 22),
        ("web-1.internal.evil.example", 22),
        ("xweb-1.internal", 22),
        ("", 22),
        ("web-1", 0),
    ],
)
def test_names_that_do_not(host: str, port: int) -> None:
    assert not hall_of(names=[r"web-1\.internal"]).answers_to(host, port)


def test_a_target_without_a_port_of_its_own() -> None:
    assert hall_of(endpoint="unix:/run/sshd").answers_to("web-1", 22)
    assert hall_of(endpoint="tcp:host=web-1:port=2200").answers_to("web-1", 2200)


def test_R13_what_a_reload_leaves_as_it_is() -> None:
    masks = [MaskSection(name="cards", detect=["card"])]
    hall = hall_of(masks=masks)
    assert hall.same(section_of(), masks) and not hall.same(section_of(), [])
    assert not hall.same(section_of(exec_only=True), masks)


def test_S18_variables() -> None:
    hall = hall_of(env=["LC_[A-Z]+", "TZ"])
    assert hall.env("LC_ALL") and hall.env("TZ")
    assert not hall.env("LC_all") and not hall.env("LD_PRELOAD") and not hall.env("XTZ")
