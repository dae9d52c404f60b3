"""Source ranges."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.model import Peer


@pytest.mark.parametrize(
    ("ranges", "address"),
    [
        ([], "anything"),
        (["10.0.0.0/8"], "10.1.2.3"),
        (["10.0.0.0/8"], "::ffff:10.1.2.3"),
        (["10.0.0.0/8"], "::ffff:a01:203"),
        (["::ffff:10.0.0.0/104"], "10.1.2.3"),
        (["::ffff:10.0.0.0/104"], "::ffff:10.1.2.3"),
        (["192.0.2.7"], "192.0.2.7"),
        (["2001:db8::/32", "10.0.0.0/8"], "2001:db8::1"),
        (["fe80::/10"], "fe80::1%eth0"),
    ],
)
def test_inside(ranges: list[str], address: str) -> None:
    SourceRanges(ranges, "here").check(Peer(address))


@pytest.mark.parametrize(
    ("ranges", "address"),
    [
        (["10.0.0.0/8"], "11.0.0.1"),
        (["10.0.0.0/8"], "::ffff:11.0.0.1"),
        (["::/0"], "10.0.0.1"),
        (["::/0"], "::ffff:10.0.0.1"),
        (["10.0.0.0/8"], "2001:db8::1"),
        (["10.0.0.0/8"], ""),
        (["0.0.0.0/0", "::/0"], "/run/hoop.sock"),
        (["10.0.0.0/8"], "10.0.0.1/8"),
    ],
)
def test_I10_outside(ranges: list[str], address: str) -> None:
    with pytest.raises(AuthenticationFailed):
        SourceRanges(ranges, "here").check(Peer(address))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "ten", "", "10.0.0.0/33"])
def test_what_is_no_range_is_refused_at_load(text: str) -> None:
    with pytest.raises(ConfigurationError, match="here: sources"):
        SourceRanges([text], "here")
