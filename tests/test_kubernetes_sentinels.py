"""The words in the place of hidden values."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.sentinels import LONGEST_MARK, Sentinels, holds_sentinel
from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.patterns import BUILT_IN

SENTINELS = Sentinels(b"k" * 32, "prod")
NAMES = st.text(max_size=20)


def test_it_is_that_of_one_object_in_one_version() -> None:
    one = SENTINELS.of("Secret", "default", "db", "17")
    assert one == SENTINELS.of("Secret", "default", "db", "17")
    others = [
        SENTINELS.of("ConfigMap", "default", "db", "17"),
        SENTINELS.of("Secret", "other", "db", "17"),
        SENTINELS.of("Secret", "default", "db2", "17"),
        SENTINELS.of("Secret", "default", "db", "18"),
        Sentinels(b"k" * 32, "test").of("Secret", "default", "db", "17"),
        Sentinels(b"l" * 32, "prod").of("Secret", "default", "db", "17"),
    ]
    assert len({each.text for each in (one, *others)}) == 7


@pytest.mark.parametrize("strategy", ["redact", "partial", "hash", "null"])
@pytest.mark.parametrize("encoded", [True, False])
@given(value=st.text(max_size=80))
def test_it_is_known_again(strategy: str, encoded: bool, value: str) -> None:
    given_value = base64.b64encode(value.encode()).decode() if encoded else value
    word = SENTINELS.of("Secret", "n", "m", "1").replacement(strategy, given_value, encoded)
    plain = base64.b64decode(word, validate=True) if encoded else word.encode()
    assert plain.startswith(b"@masked:v1:") and plain.endswith(b"@")
    assert holds_sentinel(json.dumps({"a": word}).encode()) and holds_sentinel(plain)


def test_bytes_that_are_not_base64_are_hidden_all_the_same() -> None:
    assert "!!" not in SENTINELS.of("", "", "", "").replacement("partial", "!!", True)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_in_base64_wherever_it_begins(before: bytes, after: bytes) -> None:
    """As in a file that holds one, within a Secret."""
    word = SENTINELS.general.text.encode()
    assert holds_sentinel(base64.b64encode(before + word + after))
    assert holds_sentinel(before + word + after)


@given(st.text(max_size=60))
def test_nothing_else_is_one(text: str) -> None:
    assert not holds_sentinel(text.encode()) or "@masked:v1:" in text


def test_no_detector_takes_it_for_a_value() -> None:
    """Else its base64 would be replaced by what is none (M2)."""
    detector = Detector(list(BUILT_IN), [])
    for number in range(300):
        one = SENTINELS.of("Secret", "default", "db", str(number))
        text = json.dumps({"api_key": one.text, "secret_access_key": one.encoded, "password": one.encoded}).encode()
        assert not detector.spans(text)


def test_around_what_a_detector_found() -> None:
    assert SENTINELS.wrapped(b"*****") == SENTINELS.wrapped(b"") == SENTINELS.general.text.encode()
    assert SENTINELS.wrapped(b"****1111").endswith(b":****1111@") and LONGEST_MARK >= 11
