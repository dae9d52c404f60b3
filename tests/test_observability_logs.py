"""One line an event, in JSON, without secrets."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from twisted_hoop.observability.logs import HIDDEN, MAX_TEXT, JsonObserver, is_secret, json_log, scrub, to_line

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


def logged(say: Any, level: str = "info") -> list[dict[str, Any]]:
    stream, publisher = io.StringIO(), LogPublisher()
    publisher.addObserver(json_log(stream, level))
    say(Logger(namespace="hoop.test", observer=publisher))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event() -> None:
    (line,) = logged(
        lambda log: log.info("{principal} opened {target}", principal="alice", target="shop", session="s-1")
    )
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "info",
        "namespace": "hoop.test",
        "message": "alice opened shop",
        "principal": "alice",
        "target": "shop",
        "session": "s-1",
    }


def test_levels() -> None:
    assert logged(lambda log: (log.debug("a"), log.warn("b")), "warn")[0]["message"] == "b"
    assert len(logged(lambda log: log.debug("a"), "debug")) == 1
    with pytest.raises(ValueError, match="no such log level"):
        json_log(io.StringIO(), "loud")


def test_a_failure_comes_with_its_traceback() -> None:
    def say(log: Logger) -> None:
        try:
            raise RuntimeError(f"the target said Bearer {TOKEN}")
        except RuntimeError:
            log.failure("it broke", failure=Failure())

    (line,) = logged(say)
    assert line["level"] == "critical"
    assert "RuntimeError" in line["exception"]
    assert TOKEN not in line["exception"]


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "token", "access_token", "Authorization", "cookie", "api_key", "tokens"]
)
def test_a_secrets_field_is_hidden_also_in_the_message_r11(name: str) -> None:
    """R11."""
    line = to_line({"log_format": f"got {{{name}}}", name: "hunter2", "more": {name: ["hunter2"], "x": 1}})
    assert "hunter2" not in line
    assert json.loads(line)["message"] == f"got {HIDDEN}"
    assert json.loads(line)["more"] == {name: HIDDEN, "x": 1}


def test_names_that_are_no_secrets() -> None:
    assert not any(is_secret(name) for name in ("session", "token_cache", "principal", "passed", "secretary"))


def test_credentials_in_texts_are_scrubbed() -> None:
    for text in (
        f"jwt {TOKEN} end",
        "Authorization: Bearer abcdef123456",
        "host=x password=hunter2abcdef user=y",
        "password='hunter2 abcdef'",
        "postgres://alice:hunter2abcdef@db/x",
    ):
        cleaned = scrub(text)
        assert HIDDEN in cleaned
        assert not any(secret in cleaned for secret in (TOKEN, "abcdef"))
    assert scrub("select a:b from c where d = 'e'") == "select a:b from c where d = 'e'"


def test_scrubbing_takes_linear_time_c8() -> None:
    """C8: a text made to backtrack."""
    import time

    began = time.process_time()
    for text in ("eyJ-" * 16000, "a://" * 16000, "password" * 8000, "Bearer " * 9000):
        scrub(text)
    assert time.process_time() - began < 5


def test_a_long_text_is_cut_and_says_so() -> None:
    line = json.loads(to_line({"log_format": "x", "text": "y" * (MAX_TEXT + 5)}))
    assert line["text"].endswith("… [5 characters more]")


def test_an_event_that_cannot_be_formatted_is_still_a_line() -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    stream = io.StringIO()
    JsonObserver(stream)({"log_format": "{x}", "x": Bad(), "log_level": LogLevel.info})
    assert "could not be logged" in json.loads(stream.getvalue())["message"]


def test_a_closed_stream_does_not_raise() -> None:
    stream = io.StringIO()
    stream.close()
    JsonObserver(stream)({"log_format": "x"})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text(st.characters(), max_size=12), values, max_size=5), st.text(st.characters(), max_size=40)
)
def test_any_event_is_exactly_one_ascii_line_of_json(fields: dict[str, Any], text: str) -> None:
    line = to_line({**fields, "log_format": "{text}", "text": text})
    assert line.isascii()
    assert all(0x20 <= ord(char) < 0x7F for char in line)
    json.loads(line, parse_constant=pytest.fail)
