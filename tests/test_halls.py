"""The targets that are offered: made from the settings, replaced by a reload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.ssh_server import authority
from twisted_hoop.errors import ConfigurationError, UnknownTarget
from twisted_hoop.halls import Halls
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.kubernetes.dialect import KubernetesDialect
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import MaskSection, Settings, TargetSection


def target(name: str, **more: Any) -> TargetSection:
    given = {"name": name, "protocol": "postgres", "endpoint": "tcp:127.0.0.1:1", "login": "hoop", "tls": "disable"}
    return TargetSection.model_validate({**given, **more})


def settings(*targets: TargetSection, masks: tuple[MaskSection, ...] = ()) -> Settings:
    return Settings(targets=list(targets), masks=list(masks))


def halls_of(loop: Loop, folder: Path, first: Settings) -> Halls:
    return Halls(loop.reactor, first, SecretStore(loop.reactor, {}), b"k" * 32, folder)


def test_a_target_is_found_by_its_name(loop: Loop, tmp_path: Path) -> None:
    halls = halls_of(loop, tmp_path, settings(target("shop")))
    assert halls.find("shop").target.name == "shop"
    with pytest.raises(UnknownTarget):
        halls.find("nowhere")


def test_r13_a_reload_keeps_what_did_not_change_and_nothing_else(loop: Loop, tmp_path: Path) -> None:
    """R13: a changed mask or target is a new hall, whose readings and plans are new too."""
    cards = MaskSection(name="cards", columns=[".*card"], targets=["shop"])
    halls = halls_of(loop, tmp_path, settings(target("shop"), target("hr")))
    shop, hr = halls.find("shop"), halls.find("hr")
    halls.replace(settings(target("shop"), target("hr"), masks=(cards,)))
    assert halls.find("shop") is not shop
    assert halls.find("hr") is hr, "the mask is not for it"
    halls.replace(settings(target("hr", read_only=True)))
    assert halls.find("hr") is not hr
    with pytest.raises(UnknownTarget):
        halls.find("shop")


def test_tls_to_a_target_is_made_from_its_section(loop: Loop, tmp_path: Path) -> None:
    halls = halls_of(loop, tmp_path, settings(target("shop", tls="require")))
    door: Any = halls.find("shop").door
    assert door._context().check_hostname is False
    assert halls_of(loop, tmp_path, settings(target("hr", tls="verify-full"))).find("hr").door._context().check_hostname


def ssh(name: str, **more: Any) -> TargetSection:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
    given = {"name": name, "protocol": "ssh", "endpoint": "tcp:127.0.0.1:1", "login": "deploy", "host_keys": [key]}
    return TargetSection.model_validate({**given, **more})


def ssh_halls(loop: Loop, folder: Path, first: Settings) -> Halls:
    return Halls(loop.reactor, first, SecretStore(loop.reactor, {}), b"k" * 32, folder, authority())


def test_each_protocol_has_its_own_halls(loop: Loop, tmp_path: Path) -> None:
    halls = ssh_halls(loop, tmp_path, settings(target("shop"), ssh("web-1")))
    assert halls.find_ssh("web-1").section.login == "deploy" and halls.find("shop").target.name == "shop"
    for find, name in ((halls.find, "web-1"), (halls.find_ssh, "shop"), (halls.find_ssh, "nowhere")):
        with pytest.raises(UnknownTarget):
            find(name)
    with pytest.raises(ConfigurationError):
        halls_of(loop, tmp_path, settings(ssh("web-1")))


def test_S20_a_name_behind_a_jump_means_one_target_or_none(loop: Loop, tmp_path: Path) -> None:
    halls = ssh_halls(loop, tmp_path, settings(ssh("web-1", names=["web.*"]), ssh("web-2", names=["web.*"])))
    assert halls.named_ssh("web-2", 22).section.name == "web-2", "its own name before patterns of others"
    for host in ("web-3", "db"):
        with pytest.raises(UnknownTarget):
            halls.named_ssh(host, 22)


def test_r13_an_ssh_target_that_did_not_change_stays(loop: Loop, tmp_path: Path) -> None:
    """R13."""
    halls = ssh_halls(loop, tmp_path, settings(ssh("web-1"), ssh("web-2")))
    one, two = halls.find_ssh("web-1"), halls.find_ssh("web-2")
    halls.replace(settings(ssh("web-1"), ssh("web-2", exec_only=True)))
    assert halls.find_ssh("web-1") is one and halls.find_ssh("web-2") is not two


def http(name: str, **more: Any) -> TargetSection:
    given = {"name": name, "protocol": "http", "endpoint": "tcp:127.0.0.1:1", "tls": "disable", "groups": ["a"]}
    return TargetSection.model_validate({**given, **more})


def test_http_targets_are_found_by_name_and_by_host(loop: Loop, tmp_path: Path) -> None:
    halls = halls_of(loop, tmp_path, settings(http("a", names=["a.gw"]), http("b", names=["b.gw", "[ab]+.gw"])))
    assert halls.find_http("a").target.protocol == "http"
    found = halls.named_http("b.gw")
    assert found is halls.find_http("b") and halls.named_http("c.gw") is None
    assert halls.named_http("a.gw") is None, "two are called so"
    with pytest.raises(UnknownTarget):
        halls.find_http("c")


def test_r13_an_http_target_that_is_replaced_lets_go_of_its_connections(loop: Loop, tmp_path: Path) -> None:
    """R13."""
    halls = halls_of(loop, tmp_path, settings(http("a"), http("b")))
    a, b = halls.find_http("a"), halls.find_http("b")
    loop.run(lambda: halls.replace(settings(http("a", endpoint="tcp:127.0.0.1:2"), http("b"))))
    assert halls.find_http("a") is not a and halls.find_http("b") is b
    assert a.pool._closed and not b.pool._closed


def test_clusters_stand_beside_other_targets_of_http(loop: Loop, tmp_path: Path) -> None:
    halls = halls_of(loop, tmp_path, settings(http("a"), http("prod", protocol="kubernetes", credential="bearer")))
    assert isinstance(halls.find_http("prod").dialect, KubernetesDialect)
    assert isinstance(halls.find_http("a").dialect, PlainDialect)
