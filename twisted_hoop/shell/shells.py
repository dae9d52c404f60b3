"""Programs that are given command lines: shells, eval, su, ssh, script, find (C1, C2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs, joined
from twisted_hoop.shell.options import Options, Unreadable, given, words
from twisted_hoop.shell.paths import escaped
from twisted_hoop.shell.values import State, Value
from twisted_hoop.shell.walk import Ends

_INPUT = "a shell that reads commands from its input"
_STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_LONG = words("norc noprofile posix login verbose noediting debugger restricted pretty-print")
_LETTERS = frozenset("abcefhlmnopsuvxBCEPT")
"""Options that mean the same to all shells, or nothing that matters."""
_SAFE_SSH = re.compile(
    r"(?i)(StrictHostKeyChecking|UserKnownHostsFile|GlobalKnownHostsFile|ConnectTimeout|ConnectionAttempts|BatchMode|Port"
    r"|User|LogLevel|ServerAlive\w+|ControlMaster|ControlPath|ControlPersist|IdentitiesOnly|IdentityFile|Compression"
    r"|PasswordAuthentication|PreferredAuthentications|KbdInteractiveAuthentication|PubkeyAuthentication|ForwardAgent"
    r"|ForwardX11|RequestTTY|TCPKeepAlive|AddressFamily|HostKeyAlias|HostKeyAlgorithms|CheckHostIP|ProxyJump)[= ].*"
)


def shell(runner: Runs, doing: Doing) -> Ends | None:
    """sh, bash, dash, zsh, ksh …: `-c` takes the first operand for a command line, not the word behind it."""
    code, stdin, rest = False, False, 1
    argv = doing.argv
    while rest < len(argv) and argv[rest].text[:1] in ("-", "+") and argv[rest].text not in ("-", "--"):
        text = argv[rest].text
        _known(argv[rest])
        code = code or (text[0] == "-" and text[1:2] != "-" and "c" in text)
        stdin = stdin or (text[1:2] != "-" and "s" in text)
        rest += 1 + _values_of(text)
    if rest < len(argv) and argv[rest].text in ("-", "--"):
        rest += 1
    operands = argv[rest:]
    if code:
        _code(runner, doing, operands)
    elif stdin or not operands or operands[0].text in _STDIN or operands[0].stream:
        _standard_input(runner, doing, operands if stdin else operands[1:])
    else:
        script(runner, doing, operands)
    return None


def _known(value: Value) -> None:
    text = value.text
    if not value.literal:
        raise Unreadable("an option of a shell that cannot be resolved")
    if text.startswith("--") and text[2:] not in _LONG:
        raise Unreadable(f"the option {text} of a shell")
    if not text.startswith("--") and not set(text[1:]) <= _LETTERS:
        raise Unreadable(f"the option {text} of a shell")


def _values_of(text: str) -> int:
    """`-o name`: every o of a cluster takes a word."""
    return 0 if text.startswith("--") else text.count("o")


def _code(runner: Runs, doing: Doing, operands: list[Value]) -> None:
    if not operands:
        raise Unreadable("a shell without its command line")
    doing.told.update(number for number, value in enumerate(doing.argv) if value is operands[0])
    runner.code(doing, operands[0], doing.state.fresh(tuple(operands[2:])))


def _standard_input(runner: Runs, doing: Doing, positional: list[Value]) -> None:
    text = doing.context.opened.text
    if text is not None and text.literal:
        runner.code(doing, text, doing.state.fresh(tuple(positional)))
        return
    doing.doubt(_INPUT)
    if doing.context.piped or any(value.stream for value in doing.argv):
        doing.flags.add("pipe-to-shell")


def script(runner: Runs, doing: Doing, operands: list[Value]) -> None:
    """A script file: judged as if it were run by its own name."""
    first = operands[0]
    if not (first.literal or first.home):
        doing.doubt(first.unsure or "a script whose name is not known")
        if first.stream:
            doing.flags.add("pipe-to-shell")
        return
    name = first if "/" in first.text else Value("./" + first.text)
    runner.inner(doing, [name, *operands[1:]])


def evaluate(runner: Runs, doing: Doing) -> Ends | None:
    """eval: its words joined, run here."""
    values = doing.argv[2:] if len(doing.argv) > 1 and doing.argv[1].text == "--" else doing.argv[1:]
    return runner.here(doing, joined(values)) if values else None


def switch_user(runner: Runs, doing: Doing) -> Ends | None:
    """su, runuser."""
    doing.flags.add("privileged")
    state, user, at = doing.state.fresh(), False, 1
    state.homely = False
    lines = list[Value]()
    while at < len(doing.argv):
        found = given(_SU, doing.argv, at)
        if found.has("s", "shell", "G", "P", "pty"):
            doing.doubt("another shell")
        if found.has("u", "user"):
            runner.inner(doing, doing.argv[found.rest :], state)
            return None
        lines += found.values("c", "command", "session-command")
        at = found.rest
        login = found.has("l", "login") or (at < len(doing.argv) and doing.argv[at].text == "-")
        state.places = None if login else state.places
        user = user or (at < len(doing.argv) and doing.argv[at].text != "-")
        at += 1
    if len(lines) != 1:
        raise Unreadable(_INPUT)
    runner.code(doing, lines[0], state)
    return None


_SU = Options("lmpfP", "cgGsuw", words("login preserve-environment fast pty help version"),
              words("command session-command group supp-group shell user whitelist-environment"))  # fmt: skip


def secure_shell(runner: Runs, doing: Doing) -> Ends | None:
    """ssh HOST COMMAND: a command line for another host's shell; the client itself runs nothing else here."""
    found = given(_SSH, doing.argv)
    again = given(_SSH, doing.argv, found.rest + 1) if found.rest < len(doing.argv) else found
    for option in (*found.values("o"), *again.values("o")):
        if not (option.literal and _SAFE_SSH.fullmatch(option.text)):
            doing.doubt("an option of ssh that may run a command")
    if any(one.has("F", "I", "S", "E", "w", "G") for one in (found, again)):
        doing.doubt("an option of ssh that may run a command")
    rest = doing.argv[again.rest :]
    if rest:
        runner.code(doing, joined(rest), State())
    elif not (found.has("N", "V", "Q") or again.has("N")):
        doing.doubt("a shell on another host")
    return None


_SSH = Options("46AaCfGgKkMNnqsTtVvXxYy", "BbcDEeFIiJLlmOoPpQRSWw")


def typescript(runner: Runs, doing: Doing) -> Ends | None:
    """script -c COMMAND FILE."""
    lines = list[Value]()
    at = 1
    while at < len(doing.argv):
        found = given(_SCRIPT, doing.argv, at)
        lines += found.values("c", "command")
        at = found.rest + 1
    if len(lines) != 1:
        raise Unreadable(_INPUT)
    runner.code(doing, lines[0], doing.state.fresh())
    return None


_SCRIPT = Options("aefqt", "cEIBOTmo", words("append return flush force quiet"),
                  words("command echo log-in log-out log-io log-timing logging-format output-limit"))  # fmt: skip


def find(runner: Runs, doing: Doing) -> Ends | None:
    """find: -exec and its kin run a command for what lies below the roots; -delete removes it.

    Without those it looks at names only, and the roots are all it reads.
    """
    argv = doing.argv
    first = next((n for n, v in enumerate(argv) if n and _begins_expression(argv, n)), len(argv))
    roots = [value for value in argv[1:first] if not re.fullmatch(r"-[HLPO].*|-D|--", value.text)] or [Value(".")]
    doing.told.update(range(1, len(argv)))
    at = first
    while at < len(argv):
        word = argv[at].text
        at += 1
        if word in ("-exec", "-execdir", "-ok", "-okdir"):
            end = _end_of(argv, at)
            doing.flags.add("recursive")
            for root in roots:
                runner.inner(doing, [_filled(value, root) for value in argv[at:end]])
            at = end + 1
        elif word == "-delete":
            doing.flags.update(("remove", "recursive"))
        elif word in ("-fprint", "-fprint0", "-fls", "-fprintf"):
            doing.files += argv[at : at + 1]
            doing.flags.add("redirect-write")
        elif word in ("-samefile", "-newer", "-anewer", "-cnewer") or word.startswith("-newer"):
            doing.files += argv[at : at + 1]
        elif word.startswith("-files0"):
            doing.doubt("find takes its roots from a file")
    acts = len(doing.flags & {"remove", "recursive"}) > 0
    (doing.trees if acts else doing.files).extend(roots)
    return None


def _begins_expression(argv: list[Value], number: int) -> bool:
    text = argv[number].text
    return (text.startswith("-") and not re.fullmatch(r"-[HLPO].*|-D|--", text)) or text in ("(", "!", ")", ",")


def _end_of(argv: list[Value], start: int) -> int:
    """Where the command of -exec ends: at `;`, or at `{} +`."""
    for at in range(start, len(argv)):
        text = argv[at].text
        if text == ";" or (text == "+" and at > start and argv[at - 1].text == "{}"):
            return at
    raise Unreadable("find's command has no end")


def _filled(value: Value, root: Value) -> Value:
    """`{}` is any file below the root."""
    if "{}" not in value.text:
        return value
    if value.text != "{}":
        return Value(value.text, (value.glob or escaped(value.text)).replace("{}", "**"), value.home, value.unsure)
    glob = (root.glob or escaped(root.text)).rstrip("/")
    return Value(root.text.rstrip("/") + "/{}", glob + "/**", root.home, root.unsure)


SHELLS: Mapping[str, Handler] = {
    **dict.fromkeys(
        ("sh", "bash", "dash", "zsh", "ksh", "ksh93", "mksh", "ash", "rbash", "rzsh", "yash", "posh"), shell
    ),
    **dict.fromkeys(("lksh", "oksh", "pdksh", "loksh"), shell),
    "eval": evaluate,
    "su": switch_user,
    "runuser": switch_user,
    "ssh": secure_shell,
    "slogin": secure_shell,
    "script": typescript,
    "find": find,
}
"""Program → who finds out what it runs."""
