"""What a Status quotes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.told import hide_quotes, quotes_hidden

VALUE = "aHVudGVyMi12ZXJ5LXNlY3JldA=="


@pytest.mark.parametrize(
    "message",
    [
        f'Secret in version "v1" cannot be handled: illegal base64 data, error found in #10 byte of ...|"{VALUE}"|...',
        f'bigger context ...|{{"data":{{"password":"{VALUE}","x":"y"}}}}|...',
        f'Secret "db" is invalid: data.x: Invalid value: "{VALUE}": must be something',
        f"unable to parse '{VALUE}'",
        f"unable to parse `{VALUE}`",
        f"unable to parse {VALUE}",
        f'error decoding patch: {{"data":{{"password":"{VALUE}"}}}}',
        f'unterminated "{VALUE}',
    ],
)
def test_values_are_hidden(message: str) -> None:
    assert VALUE not in quotes_hidden(message, {"db"}) and "*****" in quotes_hidden(message, {"db"})


@pytest.mark.parametrize(
    "message",
    [
        'Secret "db" is invalid: type: field is immutable',
        "the server could not understand the request",
        "can't be empty, isn't it",
        "data[bad key]: a valid config key must consist of alphanumeric characters",
    ],
)
def test_names_and_sentences_stay(message: str) -> None:
    assert quotes_hidden(message, {"db"}) == message


def test_a_whole_status() -> None:
    status = {
        "kind": "Status",
        "status": "Failure",
        "reason": "Invalid",
        "message": f'Secret "db" is invalid: "{VALUE}"',
        "details": {"name": "db", "causes": [{"message": f'Invalid value: "{VALUE}"', "field": "data.x"}]},
    }
    assert hide_quotes(status, set()) == 2 and VALUE not in str(status) and '"db"' in str(status["message"])


@pytest.mark.parametrize("reason", ["Forbidden", "NotFound", "Conflict"])
def test_reasons_that_name_only_names(reason: str) -> None:
    message = 'secrets "db" is forbidden: User "alice@example.com" cannot get resource "secrets" in API group ""'
    assert hide_quotes({"status": "Failure", "reason": reason, "message": message}, set()) == 0


@pytest.mark.parametrize("value", ["4711", "-1.5", "[]byte{0x68, 0x75}", "map[a:b]", "hunter2"])
@pytest.mark.parametrize("word", ["Invalid", "Unsupported", "Duplicate"])
def test_values_without_quotes_are_hidden(value: str, word: str) -> None:
    """M10: as Go prints numbers and bytes."""
    told = quotes_hidden(f'Widget "db" is invalid: spec.pin: {word} value: {value}: must be something', {"db"})
    assert not any(part in told for part in (value, "0x68", "a:b")) and "spec.pin" in told and "*****" in told


@given(st.text(alphabet="ab\"'`|.{}[]: =", max_size=40), st.text(alphabet="ab\"'`|.{}[]: =", max_size=40))
def test_any_text_around_a_value(before: str, after: str) -> None:
    quotes_hidden(f'{before}"{VALUE}"{after}', ())
    assert VALUE not in quotes_hidden(f"{before} {VALUE} {after}", ())


@pytest.mark.parametrize("letter", ["{", '"', "|", "...|", "a", "[:", "`", "'"])
def test_a_message_of_megabytes(letter: str) -> None:
    """K10: what somebody sent is quoted whole."""
    began = time.process_time()
    assert len(quotes_hidden(letter * (2_000_000 // len(letter)), ())) < 100_000
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "word", ["admission webhook w denied the request", "ValidatingAdmissionPolicy p denied request"]
)
def test_what_a_webhook_quotes_is_hidden_whatever_its_reason(word: str) -> None:
    """M10: it sees the whole object, and says why not in its own words."""
    told = {"status": "Failure", "reason": "Forbidden", "message": f'{word}: "{VALUE}" is weak'}
    assert hide_quotes(told, set()) == 1 and VALUE not in told["message"]
    plain = {"status": "Failure", "reason": "Forbidden", "message": f'User "{VALUE}" cannot list resource "secrets"'}
    assert hide_quotes(plain, set()) == 0
