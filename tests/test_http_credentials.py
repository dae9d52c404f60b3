"""What a target is shown, looked up anew now and then, and never in a repr."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.http_house import FakeSecrets, section_of
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.http.credentials import FRESH, Credentials


def made(secrets: FakeSecrets, now: list[float], **more: str) -> Credentials:
    return Credentials(section_of(1, **more), secrets, lambda: now[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, b"authorization: Bearer s3cret\r\n"),
        ({"credential": "basic", "login": "me"}, b"authorization: Basic bWU6czNjcmV0\r\n"),
        ({"credential": "header", "header": "X-Api-Key"}, b"x-api-key: s3cret\r\n"),
        ({"credential": "none"}, b""),
        ({"credential": "certificate"}, b""),
    ],
)
def test_each_kind_has_its_line(more: dict[str, str], line: bytes) -> None:
    credentials = made(FakeSecrets(), [0.0], **more)
    assert asyncio.run(credentials.look_up()) == line and credentials.ready() == line
    assert "s3cret" not in repr(credentials)


def test_a_secret_is_looked_up_again_in_time_and_when_in_doubt() -> None:
    secrets, now = FakeSecrets(), [0.0]
    credentials = made(secrets, now)
    assert credentials.ready() is None
    asyncio.run(credentials.look_up())
    secrets.secret = "other\n"
    assert credentials.ready() == b"authorization: Bearer s3cret\r\n"
    now[0] = FRESH
    assert credentials.ready() is None
    assert asyncio.run(credentials.look_up()) == b"authorization: Bearer other\r\n"
    credentials.doubt()
    assert credentials.ready() is None and secrets.forgotten == 1, "read anew where it comes from, too"


@pytest.mark.parametrize("secret", ["", "a\r\nx-evil: 1", "a\0b"])
def test_a_secret_that_cannot_stand_in_a_header_is_refused(secret: str) -> None:
    secrets = FakeSecrets()
    secrets.secret = secret
    with pytest.raises(SecretUnavailable) as caught:
        asyncio.run(made(secrets, [0.0]).look_up())
    assert "evil" not in str(caught.value)
