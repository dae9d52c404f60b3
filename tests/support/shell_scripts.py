"""Scripts for Hypothesis, and a place to run them in where every program only takes down how it was called.

The scripts name programs without paths and the place has no others, so nothing they say can do harm.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st

PROGRAMS = ("aa", "bb", "rm", "ls")
_STUB = '#!/bin/sh\n{ printf "%s\\0" "${0##*/}" "$@"; printf "\\n\\n"; } > "$TAKEN/$$"\n[ "$1" != fail ]\n'

_variables = st.sampled_from("xyz")
_names = st.one_of(
    *[st.sampled_from(PROGRAMS)] * 5,
    st.sampled_from(["f", "g", '"rm"', "'bb'", "r\\m", 'l""s', "$(echo ls)", "$x", '"$y"', "$1"]),
)
_words = st.one_of(
    *[st.sampled_from(["a", "-r", "b", "d", "f1"])] * 3,
    st.sampled_from(
        ["'a b'", '"$x"', "${y}", "$z", "$(echo a)", "`echo b`", "f*", "?1", "d/*", "[fg]*", "{a,b}", '"$@"', "''"]
    ),
    st.sampled_from(["$1", "$((1+2))", "$'\\x61'", "a''b", "\\$x", "'$x'", "a#b", '"a$x"', "*.none", "~", "!", "}"]),
)
_line = st.lists(_words, max_size=3).map(" ".join)
_plain = st.tuples(_names, _line).map(" ".join)
_inner = st.tuples(st.sampled_from(PROGRAMS), st.sampled_from(["", "a", "$1", "x"])).map(" ".join)
_assigned = st.one_of(st.sampled_from(PROGRAMS), _words)


def _simple() -> st.SearchStrategy[str]:
    return st.one_of(
        *[_plain] * 4,
        *[st.builds("{}={}".format, _variables, _assigned)] * 3,
        st.builds("{}={} {}".format, _variables, _assigned, _plain),
        st.builds("export {}={}".format, _variables, _assigned),
        st.builds("eval '{}'".format, _inner),
        st.builds("eval x={} $y".format, st.sampled_from(PROGRAMS)),
        st.builds("{} -c '{}' {}".format, st.sampled_from(["sh", "bash"]), _inner, _line),
        st.builds(
            "{} {}".format, st.sampled_from(["env", "env x=rm", "nohup", "nice", "timeout 9", "command"]), _inner
        ),
        st.builds("sh <<E\n{}\nE\n:".format, _inner),
        st.builds("read {} <<E\nrm\nE\n:".format, _variables),
        st.builds("cd {}".format, st.sampled_from(["d", "d/e", "nowhere", '"$x"', ".."])),
        st.builds("find . -name 'f*' -exec {} {{}} \\;".format, st.sampled_from(PROGRAMS)),
        st.builds("echo {} > out".format, _line),
        st.sampled_from(
            ["set -- rm a", "unset x", "shift", "break", "continue", "return", "exit", "true", "false", "aa fail"]
        ),
        st.builds("{} {}={}".format, st.sampled_from(["local", "declare", "readonly"]), _variables, _assigned),
        st.builds("{}+={}".format, _variables, _words),
        st.sampled_from(
            ["exit 1 2", ": rm; $_ a", "[ $x = a ]", "[[ $y == b ]]", "x=$((1+1))", "set -e", "unset f", "wait"]
        ),
        st.builds("trap '{}' EXIT".format, _inner),
        st.builds("{} < f1".format, _plain),
    )


def _compound(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = inside
    two = st.builds("{}{}{}".format, inside, st.sampled_from(["; ", "\n", " && ", " || "]), inside)
    body = st.one_of(one, two)
    return st.one_of(
        st.builds("if {}; then {}; else {}; fi".format, one, body, body),
        st.builds(
            "for {} in {}; do {}; done".format, _variables, st.lists(_words, min_size=1, max_size=3).map(" ".join), body
        ),
        st.builds("i=0; while [ $i -lt 2 ]; do i=$((i+1)); {}; done".format, body),
        st.builds("until {}; do {}; break; done".format, one, body),
        st.builds("case {} in a*) {};; *) {};; esac".format, _words, body, body),
        st.builds("{}() {{ {}; }}".format, st.sampled_from(["f", "g", "aa"]), body),
        st.builds("( {} )".format, body),
        st.builds("{{ {}; }}".format, body),
        st.builds("{} | {}".format, one, one),
        st.builds("! {}".format, _plain),
        two,
    )


def _ends(script: str) -> bool:
    """Whether its loops end: a counter is not set back, and no `continue` passes by a `break`."""
    return script.count("i=0") < 2 and not ("until" in script and "continue" in script)


commands = st.recursive(_simple(), _compound, max_leaves=5).filter(_ends)
scripts = st.builds(
    "x={}; y={}; z=b; f() {{ {}; }}\n{}".format,
    st.sampled_from(PROGRAMS),
    st.sampled_from(["a", "rm", "-r"]),
    _simple(),
    st.lists(commands, min_size=1, max_size=3).map("\n".join),
).filter(_ends)


_TOKENS = (
    *PROGRAMS, "a", "x", "-r", " ", " ", " ", "\n", ";", "&", "|", "&&", "||", "(", ")", "{", "}", "<", ">",
    "<<E\n", "\nE\n", "<<<", "'", '"', "\\", "`", "$(", "$((", "))", "$x", "${x}", "$1", "$@", "x=", "x=rm", "#",
    "=", "~", "*", "?", "[", "]", "!", "<<'E'\n", "<<-E\n", "\t", "if ", "; then ", "; fi", "for x in ", "; do ",
    "; done", "case x in ", "x) ", ";;", " esac", "f() ", "f", "{ ", "; }", "eval ", "set -- ", "export ", "cd d",
    "command ", "\\\n", "$'", "\\x61", "{a,b}", "2>&1", "&>f2", "time ", "[[ ", " ]]", '$"', "$[", "${x:-rm}",
    "local ", "return", "exit", "break", "trap ", "EXIT", "echo ",
)  # fmt: skip
fragments = st.lists(st.sampled_from(_TOKENS), min_size=1, max_size=10).map("".join)
"""Scripts of a kind that nobody writes."""


class Place:
    """A folder with stubs and some files. `run` says how programs were called by a script."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._programs, self._runs = folder, folder / "bin", 0
        self.home = folder
        self._programs.mkdir()
        for name in PROGRAMS:
            (self._programs / name).write_text(_STUB)
            (self._programs / name).chmod(0o755)
        for name in ("env", "nohup", "nice", "timeout", "find", "sh", "bash"):
            (self._programs / name).symlink_to(shutil.which(name) or name)

    def run(self, shell: str, script: str) -> list[list[str]]:
        """The calls of one script, in any order; of what it leaves behind in the background, only the early ones."""
        self._runs += 1
        place = self._folder / str(self._runs)  # of its own: what is left of an earlier script writes elsewhere
        self.home, taken = place / "home", place / "taken"
        (self.home / "d/e").mkdir(parents=True)
        taken.mkdir()
        for name in ("f1", "f2", "g 1", "d/h1"):
            (self.home / name).touch()
        self._await(shell, script, {"PATH": str(self._programs), "TAKEN": str(taken), "HOME": str(self.home)})
        calls = list(_calls(taken))
        shutil.rmtree(place, ignore_errors=True)
        return calls

    def _await(self, shell: str, script: str, environment: dict[str, str]) -> None:
        running = subprocess.Popen(
            [shell, "-c", script],
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:  # an endless loop: what it called until now is enough
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _calls(taken: Path) -> Iterator[list[str]]:
    for file in taken.iterdir():
        for call in file.read_bytes().split(b"\n\n"):
            if call.endswith(b"\0"):
                yield [os.fsdecode(word) for word in call[:-1].split(b"\0")]
