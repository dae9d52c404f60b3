"""Secrets Manager as moto imitates it, and log-ins at RDS, whose signature is made a second time here."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.moto import Moto
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.asking import MAX_BODY
from twisted_hoop.secrets.aws import Aws
from twisted_hoop.settings.secrets import AwsSection

KEY, SECRET = "AKIDEXAMPLE", "secret-key-of-a-test"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS's runtime looks for them in the process itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    yield


def aws(loop: Loop, endpoint: str = "", region: str = "us-east-1", environ: dict[str, str] | None = None) -> Aws:
    return Aws(loop.reactor, environ or {}, AwsSection(endpoint=endpoint, region=region), 20.0)


def test_secrets_by_name_by_arn_and_fields_of_json(loop: Loop, moto: Moto) -> None:
    moto.secret("shop/db", "hunter2")
    moto.secret("shop/json", json.dumps({"user": "app", "password": "hunter3", "port": 5432}))
    here = aws(loop, moto.endpoint)
    assert loop.run(lambda: here.read("shop/db", "")) == "hunter2"
    assert loop.run(lambda: here.read("shop/json", "password")) == "hunter3"
    arn = json.loads(moto.call("DescribeSecret", {"SecretId": "shop/db"}))["ARN"]
    assert loop.run(lambda: here.read(arn, "")) == "hunter2"
    moto.secret("shop/db", "rotated")
    assert loop.run(lambda: here.read("shop/db", "")) == "rotated"


def test_what_is_not_there_is_said_by_amazons_word_for_it(loop: Loop, moto: Moto) -> None:
    moto.secret("shop/plain", "hunter2")
    moto.secret("shop/json", json.dumps({"password": "hunter3", "port": 5432}))
    here = aws(loop, moto.endpoint)
    for name, field, why in (
        ("shop/missing", "", "ResourceNotFoundException"),
        ("shop/json", "missing", "no field missing"),
        ("shop/json", "port", "no text"),
        ("shop/plain", "password", "no field password"),
    ):
        with pytest.raises(SecretUnavailable, match=why) as caught:
            loop.run(lambda name=name, field=field: here.read(name, field))
        assert "hunter" not in str(caught.value) and not caught.value.passing


def test_R11_answers_that_are_none(loop: Loop) -> None:
    """R11: redirects are not followed, large answers are not read, and no error quotes one."""
    with running_web(loop) as web:

        def redirect(request: Any) -> bytes:
            request.redirect(web.url.encode() + b"/elsewhere")
            return b""

        here = aws(loop, web.url)
        for answer, passing in (
            (redirect, False),
            (b" " * (MAX_BODY + 1), False),
            (b'{"SecretString": ["hunter2"]}', False),
            (b'{"SecretString": "hunter2\\u0000"}', False),
            (b'{"SecretBinary": "/////w=="}', False),
            (b"hunter2", False),
            ((400, b'{"__type": "ThrottlingException", "message": "hunter2"}'), True),
            ((400, b'{"__type": "com.amazon#DecryptionFailure"}'), False),
            ((400, b'{"__type": "hunter2 is wrong"}'), False),
            ((503, b"hunter2"), True),
        ):
            web.answers["/"] = answer  # type: ignore[assignment]
            with pytest.raises(SecretUnavailable) as caught:
                loop.run(lambda: here.read("shop/db", ""))
            assert "hunter2" not in str(caught.value) and caught.value.passing is passing, answer
        assert web.hits["/elsewhere"] == 0
        web.answers["/"] = b'{"SecretBinary": "aHVudGVyMg=="}'
        assert loop.run(lambda: here.read("shop/db", "")) == "hunter2"


def test_the_region_is_that_of_the_arn_the_configuration_or_the_environment(loop: Loop) -> None:
    with pytest.raises(SecretUnavailable, match="no AWS region"):
        loop.run(lambda: aws(loop, region="").read("shop/db", ""))
    with pytest.raises(SecretUnavailable, match="neither https nor loopback"):
        loop.run(lambda: aws(loop, "http://secrets.example").read("shop/db", ""))
    assert aws(loop)._endpoint("cn-north-1") == "https://secretsmanager.cn-north-1.amazonaws.com.cn/"
    assert aws(loop)._endpoint("eu-west-1") == "https://secretsmanager.eu-west-1.amazonaws.com/"


def test_without_credentials_it_is_said_and_may_pass(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "nobody-of-that-name")
    with pytest.raises(SecretUnavailable, match="no AWS credentials") as caught:
        loop.run(lambda: aws(loop, "http://127.0.0.1:1").read("shop/db", ""))
    assert caught.value.passing


def test_a_containers_credentials(loop: Loop, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ECS and EKS offer on loopback is part of AWS's chain, and needs no settings of ours."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    moto.secret("shop/container", "hunter2")
    with running_web(loop) as web:
        given = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
        web.answers["/creds"] = json.dumps(given).encode()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{web.url}/creds")
        assert loop.run(lambda: aws(loop, moto.endpoint).read("shop/container", "")) == "hunter2"
        assert web.hits["/creds"] == 1


@pytest.mark.parametrize(
    ("region", "host", "signed"),
    [
        ("", "shop.abc123.eu-central-1.rds.amazonaws.com", "eu-central-1"),
        ("eu-west-1", "db.internal", "eu-west-1"),
        ("", "db.internal", "us-east-1"),
    ],
)
def test_a_log_in_at_rds_is_signed_for_host_port_and_user(loop: Loop, region: str, host: str, signed: str) -> None:
    token = loop.run(lambda: aws(loop).rds_token(region, host, 5432, "app+user"))
    assert token.startswith(f"{host}:5432/?Action=connect&DBUser=app%2Buser&")
    query = dict(urllib.parse.parse_qsl(token.partition("?")[2]))
    assert (query["DBUser"], query["X-Amz-Expires"]) == ("app+user", "900")
    assert query["X-Amz-Credential"].split("/")[2:] == [signed, "rds-db", "aws4_request"]
    assert query["X-Amz-Signature"] == signature(f"{host}:5432", query)
    assert SECRET not in token and repr(token) == "Secret('…')"


def signature(host: str, query: dict[str, str]) -> str:
    """Signature version 4, as AWS's own documentation describes it, by the standard library alone."""
    given = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
    line = urllib.parse.urlencode(sorted(given.items()), quote_via=urllib.parse.quote, safe="-_.~")
    request = f"GET\n/\n{line}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    scope = query["X-Amz-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
