"""Programs that are given code in another language, which is not looked into: what it does is dynamic (C1, C2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs
from twisted_hoop.shell.options import Options, Unreadable, given, takes
from twisted_hoop.shell.shells import script
from twisted_hoop.shell.walk import Ends

_CODE = "code of another language"
_STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`code` are the options that are followed by code, or name a module; `stops` those that only tell of itself."""

    options: Options
    code: tuple[str, ...]
    stops: tuple[str, ...] = ("V", "version", "help", "h", "v")

    def __call__(self, runner: Runs, doing: Doing) -> Ends | None:
        found = given(self.options, doing.argv)
        operands = doing.argv[found.rest :]
        if found.has(*self.code):
            raise Unreadable(_CODE)
        if not operands and found.has(*self.stops):
            return None
        if not operands or operands[0].text in _STDIN or operands[0].stream:
            if doing.context.piped or (operands and operands[0].stream):
                doing.flags.add("pipe-to-shell")
            raise Unreadable("an interpreter that reads code from its input")
        script(runner, doing, operands)
        return None


_PYTHON = Interpreter(takes("BbdEhIOPqRsSuvVx?", "WXQcm"), ("c", "m"), ("V", "version", "h", "help"))
_PERL = Interpreter(takes("cstTuUvVwWXSh", "eEMmI"), ("e", "E", "M", "m"))
_RUBY = Interpreter(takes("acdhlsSvwWy", "eIrCE", "verbose yydebug"), ("e", "r"))
_NODE = Interpreter(takes("vhic", "epr", "check interactive", "eval print require import"),
                    ("e", "eval", "p", "print", "r", "require", "import", "i", "interactive"))  # fmt: skip
_OTHER = Interpreter(takes("vhVqnw", "reRfcdzBEFS", "", "eval run code file"),
                     (*"reRfcdzBEFS", "eval", "run", "code", "file"))  # fmt: skip


INTERPRETERS: Mapping[str, Handler] = {
    **dict.fromkeys(("python", "python2", "python3", "pypy", "pypy3"), _PYTHON),
    "ld.so": Interpreter(
        takes("", "", "list verify inhibit-cache", "library-path preload audit argv0"),
        ("preload", "audit", "library-path"),
        ("list", "verify", "help", "version"),
    ),
    **dict.fromkeys(("perl", "perl5"), _PERL),
    **dict.fromkeys(("ruby", "jruby"), _RUBY),
    **dict.fromkeys(("node", "nodejs", "deno", "bun"), _NODE),
    **dict.fromkeys(
        ("php", "php-cli", "lua", "luajit", "tclsh", "wish", "Rscript", "R", "guile", "elixir", "julia"), _OTHER
    ),
    **dict.fromkeys(
        ("julia", "groovy", "scala", "swift", "ocaml", "ghci", "runghc", "racket", "sbcl", "jshell", "jjs"), _OTHER
    ),
}
"""Program → who looks at what it is given."""
