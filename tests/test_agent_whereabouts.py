"""Where a gateway is, and the proxy between."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.agent.whereabouts import Proxy, Whereabouts, parse_gateway, parse_proxy, proxy_of


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("tls://gw.example:7000", Whereabouts("gw.example", 7000, True)),
        ("tls://gw.example", Whereabouts("gw.example", 7443, True)),
        ("wss://gw.example", Whereabouts("gw.example", 443, True, "/v1/agent")),
        ("wss://gw.example:8443/x/agent", Whereabouts("gw.example", 8443, True, "/x/agent")),
        ("tls://[2001:db8::1]:1", Whereabouts("2001:db8::1", 1, True)),
        ("tcp://127.0.0.1:1", Whereabouts("127.0.0.1", 1, False)),
        ("ws://localhost:1", Whereabouts("localhost", 1, False, "/v1/agent")),
    ],
)
def test_gateways(url: str, where: Whereabouts) -> None:
    assert parse_gateway(url) == where


@pytest.mark.parametrize(
    "url",
    [
        *("", "gw.example:1", "https://gw.example", "tls://", "tls://gw.example/x", "tcp://gw.example:1"),
        *("ws://gw.example", "tls://u:p@gw.example", "wss://gw/?a=b", "tls://gw:99999", "wss://gw/a b", "tls://gé:1"),
    ],
)
def test_gateways_that_are_none(url: str) -> None:
    with pytest.raises(ValueError):
        parse_gateway(url)


@given(st.text(max_size=80))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    for parse in (parse_gateway, parse_proxy):
        with contextlib.suppress(ValueError):
            parse(text)


def test_what_a_proxy_is_asked() -> None:
    proxy = parse_proxy("http://bob:p%40ss@proxy.example:3128")
    assert proxy == Proxy("proxy.example", 3128, "bob:p@ss") and "p@ss" not in repr(proxy)
    asked = proxy.request(Whereabouts("gw.example", 7443, True))
    assert asked.startswith(b"CONNECT gw.example:7443 HTTP/1.1\r\nHost: gw.example:7443\r\n")
    assert b"Proxy-Authorization: Basic Ym9iOnBAc3M=\r\n" in asked and asked.endswith(b"\r\n\r\n")
    assert parse_proxy("proxy:1", "a:b").login == "a:b"


@pytest.mark.parametrize("url", ["socks5://x:1", "https://x:1", "http://", "http://x:y:z"])
def test_proxies_that_are_none(url: str) -> None:
    with pytest.raises(ValueError):
        parse_proxy(url)


def test_a_login_is_one_line() -> None:
    with pytest.raises(ValueError):
        parse_proxy("http://x:1", "a:b\r\nX-Evil: 1")


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"https_proxy": "http://p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "gw.example"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a, .example"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "w.example"}, "http://p:1"),
        ({}, ""),
    ],
)
def test_proxies_of_the_environment(environ: dict[str, str], found: str) -> None:
    assert proxy_of(environ, Whereabouts("gw.example", 1, True)) == found


def test_nobody_is_asked_for_the_way_to_oneself() -> None:
    assert proxy_of({"HTTPS_PROXY": "http://p:1"}, Whereabouts("localhost", 1, True)) == ""
