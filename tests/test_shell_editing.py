from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shell import doubts, found
from twisted_hoop.shell.editing import _is_plain_awk, _is_plain_sed


@pytest.mark.parametrize(
    "program",
    [
        "{print $1}", "{print $NF}", "NR==1", "/x/ {print}", "{s+=$1} END {print s}", '{printf "%s\\n", $1}',
        "!seen[$0]++", "$3 == \"a|b\" {print}", "BEGIN {FS=\":\"} {print $1}", "length($0)",
        "{gsub(/a/, \"b\"); print}", "NR%2",
    ],
)  # fmt: skip
def test_awk_that_only_prints(program: str) -> None:
    assert not doubts(f"awk '{program}' x")


@pytest.mark.parametrize(
    "program",
    [
        'BEGIN{system("rm")}', '"rm" | getline', 'print | "sh"', 'print > "/etc/x"', 'print >> "x"',
        "getline < ARGV[1]", "BEGIN{ARGV[1]=x}", "@f()", "@load \"x\"", "BEGIN{ENVIRON[1]}", "close(x)", "{print|x}",
        "a\\b", "1 > 2", "{sys\\\ntem(x)}", "/a/ system(\"x\") /b/", '/"/ {system("x")} /"/',
        "/#/ # /\nBEGIN{system(x)}",
    ],
)  # fmt: skip
def test_awk_that_may_do_more(program: str) -> None:
    """C1."""
    assert "dynamic" in doubts(f"awk '{program}' x") or "'" in program


@pytest.mark.parametrize(
    "text", ["awk -f x", "awk -v a=$b '{print}'", "gawk -e '{print}'", "gawk -i x '{print}'", 'awk "$x"']
)
def test_awk_whose_program_is_elsewhere(text: str) -> None:
    assert "dynamic" in doubts(text)


@pytest.mark.parametrize(
    "script",
    [
        "s/a/b/", "s/a/b/g", "s|/x|/y|gi", "1,10p", "$d", "/x/d", "/x/,/y/p", "s/a/b/;s/c/d/", "y/a/b/", "1!G;h;$!d",
        "q", "5q", "/^#/d; s/x//", "s/\\//x/",
    ],
)  # fmt: skip
def test_sed_that_only_edits(script: str) -> None:
    assert not doubts(f"sed '{script}' x") or (script == "5q" and not doubts("sed 5q x"))


@pytest.mark.parametrize(
    "script",
    [
        "e rm", "1e", "s/a/b/e", "s/a/b/ge", "w /etc/x", "s/a/b/w x", "r /etc/shadow", "R x", "W x", "a text",
        "i\\text", "/x/{p}", ":a", "ba", "s\na\nb\ne", "p;e", "1~2e x", "s/a/b/;e x", "y/a/b/e", "F;e",
    ],
)  # fmt: skip
def test_sed_that_may_do_more(script: str) -> None:
    """C1."""
    assert "dynamic" in doubts(f"sed '{script}' x")


def test_code_is_no_file() -> None:
    assert found("sed 's/a/b/' /x", "path") == {"/x"}
    assert found("awk '/a/' /x", "path") == {"/x"}


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("sewWrRpd/ab;{}1$!\\| gy#\n"), min_size=1, max_size=10))
def test_no_sed_script_taken_for_plain_makes_a_file(text: str) -> None:
    """GNU sed itself refuses e, r and w in its sandbox."""
    if _is_plain_sed(text) and text.strip(" ;\n"):
        run = subprocess.run(["sed", "--sandbox", "-n", text], input=b"a\n", capture_output=True)
        assert b"sandbox" not in run.stderr


@given(st.text(st.sampled_from('system(getline)|>"/ #\\\n{}ab'), max_size=16))
def test_no_awk_program_taken_for_plain_has_a_pipe_or_a_call(text: str) -> None:
    if _is_plain_awk(text) and "/" not in text and '"' not in text:
        assert not {">", "#", "\\"} & set(text) and "system" not in text.replace("system_", "")
