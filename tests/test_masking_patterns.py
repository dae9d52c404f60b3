"""Every detector: what it must find, and what it must leave alone."""

from __future__ import annotations

import pytest
import re2

from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.masking.patterns import BUILT_IN, ESCAPES
from twisted_hoop.settings import MaskSection

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
JWE = (
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TAL"
    "vtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ"
)
KEY = "-----BEGIN {0}PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nab+/=\n-----END {0}PRIVATE KEY-----"
LETTERS = "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD1fG3hJ5kL7nP9rS1uW3yZ5"

FOUND = [
    ("card", "4111111111111111"),  # the networks' published test numbers
    ("card", "4111 1111 1111 1111"),
    ("card", "4111-1111-1111-1111"),
    ("card", "4111.1111.1111.1111"),
    ("card", "4111\u00a01111\u00a01111\u00a01111"),
    ("card", "4222222222222"),
    ("card", "378282246310005"),
    ("card", "3782 822463 10005"),
    ("card", "5555555555554444"),
    ("card", "2223003122003222"),
    ("card", "6011111111111117"),
    ("card", "3530111333300000"),
    ("card", "30569309025904"),
    ("card", "6200000000000005"),
    ("card", "6759649826438453"),
    ("ssn", "078-05-1120"),
    ("ssn", "734 10 1000"),
    ("ssn", "734.10.1000"),
    ("iban", "DE89370400440532013000"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("iban", "NO9386011117947"),
    ("iban", "MT84MALT011000012345MTLCAST001S"),
    ("iban", "de89370400440532013000"),
    ("email", "alice@example.com"),
    ("email", "first.last+tag@sub.example.co.uk"),
    ("email", "o'brien@example.org"),
    ("email", "jürgen@bücher.example"),
    ("phone", "+49 30 1234567"),
    ("phone", "+442079460958"),
    ("phone", "+1 (202) 555-0100"),
    ("phone", "+1-202-555-0100"),
    ("phone", "(202) 555-0100"),
    ("phone", "202-555-0100"),
    ("phone", "202.555.0100"),
    ("phone", "1 202 555 0100"),
    ("phone", "0044 20 7946 0958"),
    ("api-key", "AKIAIOSFODNN7EXAMPLE"),
    ("api-key", "ASIAIOSFODNN7EXAMPLE"),
    ("api-key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("api-key", "ghp_" + LETTERS[:36]),
    ("api-key", "github_pat_11ABCDEFG0" + LETTERS[:40]),
    ("api-key", "glpat-" + LETTERS[:20]),
    ("api-key", "xoxb-123456789012-" + LETTERS[:24]),
    ("api-key", "xapp-1-A123456-1234567890-" + LETTERS[:20]),
    ("api-key", "hooks.slack.com/services/T00000000/B00000000/" + LETTERS[:24]),
    ("api-key", "sk_live_" + LETTERS[:24]),
    ("api-key", "rk_test_" + LETTERS[:24]),
    ("api-key", "whsec_" + LETTERS[:32]),
    ("api-key", "AIza" + LETTERS[:35]),
    ("api-key", "GOCSPX-" + LETTERS[:28]),
    ("api-key", "ya29." + LETTERS[:40]),
    ("api-key", "sk-ant-api03-" + LETTERS[:48]),
    ("api-key", "sk-proj-" + LETTERS[:48]),
    ("api-key", "sk-" + LETTERS[:48]),
    ("api-key", "npm_" + LETTERS[:36]),
    ("api-key", "pypi-AgEIcHlwaS5vcmc" + LETTERS[:40]),
    ("api-key", "SK" + "0123456789abcdef" * 2),
    ("api-key", f"SG.{LETTERS[:22]}.{LETTERS[:43]}"),
    ("api-key", "hf_" + LETTERS[:34]),
    ("api-key", "dop_v1_" + "0123456789abcdef" * 4),
    ("api-key", "hvs." + LETTERS[:24]),
    ("api-key", "key-" + "0123456789abcdef" * 2),
    ("api-key", "shpat_" + "0123456789abcdef" * 2),
    ("api-key", "sq0atp-" + LETTERS[:22]),
    ("api-key", "dapi" + "0123456789abcdef" * 2),
    ("api-key", "dckr_pat_" + LETTERS[:27]),
    ("api-key", "lin_api_" + LETTERS[:40]),
    ("api-key", "glsa_" + LETTERS[:40]),
    ("jwt", JWT),
    ("jwt", JWE),
    ("private-key", KEY.format("")),
    ("private-key", KEY.format("RSA ")),
    ("private-key", KEY.format("OPENSSH ")),
    ("private-key", KEY.format("ENCRYPTED ").replace("\n", "\\n")),
]
PASSED = [
    ("card", "4111111111111112"),
    ("card", "1700000000000"),
    ("card", "1700000000000000"),
    ("card", "0000000000000000"),
    ("card", "2024-01-02 03:04:05.123456+00"),
    ("card", "550e8400-e29b-41d4-a716-446655440000"),
    ("card", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("card", "41111111111111111111111111"),
    ("ssn", "000-12-3456"),
    ("ssn", "666-12-3456"),
    ("ssn", "912-34-5678"),
    ("ssn", "123-00-4567"),
    ("ssn", "123-45-0000"),
    ("ssn", "1234-56-7890"),
    ("ssn", "123-45 6789"),
    ("ssn", "2024-123-45-6789"),
    ("iban", "DE89370400440532013001"),
    ("iban", "XX89370400440532013000"),
    ("iban", "DE8937040044053201300"),
    ("email", "alice@localhost"),
    ("email", "@decorator.name"),
    ("email", "user@"),
    ("phone", "192.168.100.1000"),
    ("phone", "2024-01-02 03:04:05+00"),
    ("phone", "1234567890"),
    ("phone", "5+1234567890123"),
    ("phone", "123-4567"),
    ("api-key", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("api-key", "a-task-some-long-kebab-case-identifier"),
    ("api-key", "ghp_short"),
    ("api-key", "the quick brown fox jumps over the lazy dog"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9"),
    ("jwt", "eyJub3RhaGVhZGVyIjoxfQ.eyJzdWIiOiIxIn0.abc"),
    ("private-key", "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----"),
    ("private-key", "-----BEGIN CERTIFICATE-----"),
]


@pytest.mark.parametrize(("name", "value"), FOUND)
def test_found_alone_and_in_context(name: str, value: str) -> None:
    detector, data = Detector([name]), value.encode()
    for before, after in ((b"", b""), (b"seen: ", b" at noon"), (b'{"a": "', b'"}'), (b"x,", b",y"), (b"\n", b"\n")):
        text = before + data + after
        assert detector.might(text), text
        spans = detector.spans(text)
        assert [(s.start, s.end, s.name) for s in spans] == [(len(before), len(before) + len(data), name)], text


@pytest.mark.parametrize(("name", "value"), PASSED)
def test_left_alone(name: str, value: str) -> None:
    assert Detector([name]).spans(value.encode()) == []


def test_a_card_after_another_number_is_found() -> None:
    """Digits in front of a card, with a separator, must not carry it out of reach."""
    text = b"1 4111111111111111 2 5555-5555-5555-4444 99"
    spans = Detector(["card"]).spans(text)
    assert [text[s.start : s.end] for s in spans] == [b"4111111111111111", b"5555-5555-5555-4444"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_pattern_finds_anything_in_ordinary_text(name: str) -> None:
    text = "In 2024, order 100234 (2 items, 19.99 EUR) shipped at 14:05 to Main Street 12; see /usr/share/doc/x.\n" * 50
    assert Detector([name]).spans(text.encode()) == []


def test_a_key_that_is_cut_off_is_hidden_to_the_end() -> None:
    text = b"see -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    spans = Detector(["private-key"]).spans(text)
    assert [(s.start, s.end) for s in spans] == [(4, len(text))]


def test_every_pattern_is_re2() -> None:
    """C8: nothing here can take more than linear time."""
    for rules in BUILT_IN.values():
        for rule in rules:
            assert re2.compile(rule.pattern) is not None
    assert all(re2.compile(p) for p in ESCAPES)


@pytest.mark.parametrize("begins", [b" ", b'"', b"\\n", b"\\t", b"\\r"])
@pytest.mark.parametrize(
    "key",
    [
        b"AKIAIOSFODNN7EXAMPLE",
        b"ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        b"sk-T3BlbkFJabcdEFGHijkl12345678MNOP",
        b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        b"DE89370400440532013000",
        b"4111111111111111",
        b"078-05-1120",
    ],
)
def test_M3_an_escape_before_a_key_hides_none(begins: bytes, key: bytes) -> None:
    """In text that carries JSON the letter of `\\n` stands right before the key; the escape itself stays."""
    masks = MaskSet([MaskSection(name="keys", detect=["api-key", "jwt", "iban", "card", "ssn"])], b"k" * 32)
    masker = masks.stream_masker(frozenset({"keys"}))
    assert masker is not None
    assert masker.feed(b'{"a": "x' + begins + key + b'"}\n') + masker.flush() == b'{"a": "x' + begins + b'*****"}\n'
