from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found, of_program, read


def test_redirects_are_on_the_command_they_belong_to() -> None:
    facts = of_program("cat < /a > /b; ls", "cat")
    assert (
        facts["path"] == {"/a", "/b"} and facts["flag"] == {"redirect-write"} and facts["access"] == {"read", "write"}
    )
    assert "path" not in of_program("cat < /a > /b; ls", "ls")


def test_redirects_without_a_command_or_around_several() -> None:
    assert found("> /a", "path") == found("{ ls; } > /a", "path") == found("(ls) >/a", "path") == {"/a"}
    assert found("while a; do b; done < /x", "path") == {"/x"}


def test_sinks_and_descriptors_are_no_files() -> None:
    for text in ("ls > /dev/null", "ls 2>&1", "ls 2>/dev/null", "ls >&2", "ls <&-", "exec 3>&1"):
        assert not found(text, "path") and not found(text, "flag"), text


@pytest.mark.parametrize("text", ["ls > $x", "ls > *", "ls <&$x", "ls > 'a' > $b"])
def test_a_redirect_that_is_not_known_is_dynamic_or_a_glob(text: str) -> None:
    assert "dynamic" in doubts(text) or found(text, "path_glob")


@pytest.mark.parametrize(
    "text", ["PATH=x ls", "LD_PRELOAD=x ls", "PATH=x", "BASH_ENV=x bash y", "IFS=x", "f() { ls; }; PATH=x f"]
)
def test_a_variable_that_changes_what_runs_is_dynamic(text: str) -> None:
    """S18."""
    assert "dynamic" in doubts(text)


def test_assignments_are_told_even_when_they_are_for_one_command() -> None:
    assert read("A=1 ls; B=$x").assignments == (("A", "1"), ("B", "$x"))
    assert not doubts("LANG=C ls")


def test_a_function_is_called_and_a_program_of_its_name_is_not() -> None:
    assert commands("ls() { id; }; ls") == {"id"}
    assert commands("ls() { id; }; command ls") == {"id", "ls", "command ls"}
    assert commands("ls() { id; }; env ls") == {"id", "ls", "env ls"}


def test_braces_are_judged_as_both_kinds_of_shell_read_them() -> None:
    assert commands("echo {a,b}") == {"echo a b", "echo {a,b}"}


def test_here_documents_are_known_to_what_reads_them() -> None:
    assert "rm x" in commands("sh <<E\nrm x\nE") and not doubts("sh <<E\nrm x\nE")
    assert "rm x" in commands("sudo sh <<< 'rm x'")
    assert "dynamic" in doubts("sh <<E\n$x\nE")


def test_what_is_printed_by_echo_alone_is_known() -> None:
    assert commands("$(echo ls) x") >= {"ls x"}
    for text in (
        "$(echo -n ls)",
        "$(echo 'a\\nb')",
        "$(echo ls | cat)",
        "$(echo $x)",
        "$(printf ls)",
        "$(echo ls; echo x)",
    ):
        assert "dynamic" in doubts(text), text
    assert "dynamic" in doubts("echo() { cat; }; $(echo ls)")


def test_wrappers_within_wrappers_end() -> None:
    """C8."""
    assert doubts("sudo " * 50 + "ls") == {"oversize"}
    assert doubts("eval " * 50 + "ls") == {"oversize"}
    assert doubts("x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;" + 'x="$x$x";' * 30) == {"oversize"}


def test_a_pipe_is_known_to_what_reads_it() -> None:
    assert "pipe-to-shell" in found("a | sh", "flag") and "pipe-to-shell" in found("a | { b; sh; }", "flag")
    assert "pipe-to-shell" not in found("sh", "flag")
