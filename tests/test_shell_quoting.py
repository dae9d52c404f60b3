from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.shell.quoting import ansi_c


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("rm'", "rm"),
        (r"\x72\x6d'", "rm"),
        (r"\162\155'", "rm"),
        (r"\u0072m'", "rm"),
        (r"\U00000072m'", "rm"),
        (r"\'\"\\\n\t\e\a'", "'\"\\\n\t\x1b\a"),
        (r"\cA\c['", "\x01\x1b"),
        (r"\q'", "\\q"),
        ("'", ""),
    ],
)
def test_escapes(text: str, decoded: str) -> None:
    assert ansi_c(text, 0) == (decoded, len(text))


@pytest.mark.parametrize("text", ["", "abc", "\\", "a\\'", "\\x'", "a\0'"])
def test_without_an_end_or_with_what_no_shell_takes_there_is_nothing(text: str) -> None:
    assert ansi_c(text, 0) is None or ansi_c(text, 0) == ("\\x", len(text))


@given(st.text("ax1'\\\"nuUc0?", max_size=12))
def test_any_text_has_an_answer_within_it(text: str) -> None:
    decoded = ansi_c(text, 0)
    assert decoded is None or (decoded[1] <= len(text) and text[decoded[1] - 1] == "'")


def test_bash_agrees() -> None:
    texts = [r"a\x41\101\u0041\tb\\c\'d", r"\n\e\cA", r"\7\77\377"]
    for text in texts:
        printed = subprocess.run(["bash", "-c", f"printf %s $'{text}'"], capture_output=True, check=True).stdout
        decoded = ansi_c(text + "'", 0)
        assert decoded is not None and decoded[0].encode("latin-1") == printed
