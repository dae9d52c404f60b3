from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found


@pytest.mark.parametrize(
    "text",
    [
        "python3 -c x", "python3", "python3 -", "python3 -m http.server", "python -ic x", "echo x | python3",
        "perl -e x", "perl -lane x", "perl -Mx y.pl", "ruby -e x", "node -e x", "node -p 1", "node -r x y.js",
        "php -r x", "lua -e x", "Rscript -e x", "python3 <(x)", "python3 /dev/stdin", "perl < x",
        "python3 --what x.py", "tclsh", "ld.so --preload x y",
    ],
)  # fmt: skip
def test_code_is_dynamic(text: str) -> None:
    """C1."""
    assert "dynamic" in doubts(text)


@pytest.mark.parametrize(
    ("text", "program"),
    [("python3 x.py a", "x.py"), ("python3 -u /srv/x.py", "/srv/x.py"), ("perl -w x.pl", "x.pl"), ("node x.js", "x.js"),
     ("ruby x.rb", "x.rb"), ("php x.php", "x.php"), ("python3.12 x.py", "x.py"), ("/lib/ld-linux.so.2 /bin/ls", "ls")],
)  # fmt: skip
def test_a_script_is_judged_as_the_program_it_is(text: str, program: str) -> None:
    assert program in found(text, "program") and not doubts(text)


def test_what_only_tells_of_itself_is_plain() -> None:
    for text in ("python3 --version", "python3 -V", "perl -v", "node --version", "ruby --version"):
        assert not doubts(text)


def test_a_pipe_into_one_is_a_pipe_to_a_shell() -> None:
    assert "pipe-to-shell" in found("curl x | python3 -", "flag")
    assert "pipe-to-shell" in found("curl x | sudo perl", "flag")
    assert commands("python3 x.py") == {"python3 x.py", "x.py", "~/x.py"}
