"""Builtins of shells that change what comes after them, or what words mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from twisted_hoop.shell.conditions import evaluated, has_subscript, is_plain_number
from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs
from twisted_hoop.shell.names import NAME, is_special, is_volatile
from twisted_hoop.shell.options import Options, Unreadable, given, words
from twisted_hoop.shell.paths import placed
from twisted_hoop.shell.tree import Arithmetic
from twisted_hoop.shell.values import ANYTHING, HOME, State, Value
from twisted_hoop.shell.walk import Ends

_DECLARED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.S)
_NUMERIC = re.compile(r"%[-+ #0'*.0-9]*[hlLqjzt]*[diouxXeEfFgGaAc]")
_SET_LETTERS = re.compile(r"[-+][aebfhmnuvxBCEPT]*o?")
_SET_WORDS = words(
    "errexit nounset pipefail xtrace verbose noglob noclobber allexport monitor notify posix errtrace functrace"
)


def change_directory(runner: Runs, doing: Doing) -> Ends | None:
    """cd, pushd: where it stands if it succeeds; where it stood if not."""
    operands = [value for value in doing.argv[1:] if not re.fullmatch(r"-[LPe@q]+|--", value.text)]
    there = doing.state.copy()
    there.places = _places(doing, operands)
    return there, doing.state


def _places(doing: Doing, operands: list[Value]) -> frozenset[str] | None:
    start = doing.state.places
    if not operands:
        return (
            frozenset({HOME})
            if doing.name == "cd" and doing.state.homely and "HOME" not in doing.state.variables
            else None
        )
    value = operands[0]
    known = value.literal or (value.home and not (value.glob or value.unsure or value.dialect))
    if len(operands) > 1 or not known or value.text.startswith(("-", "+")) or start is None:
        return None
    places = [placed(value, one) for one in sorted(start)]
    return None if any(place.unsure for place in places) else frozenset(place.path for place in places)


def leave_directory(runner: Runs, doing: Doing) -> Ends | None:
    """popd."""
    doing.state.places = None
    return None


def _count(doing: Doing) -> bool:
    """Whether at most one word stands behind, a number: zsh evaluates others, bash goes on after several."""
    words_behind = doing.argv[1:]
    if len(words_behind) > 1 or not all(map(is_plain_number, words_behind)):
        doing.doubt(f"{doing.name} with words that are not a number")
        return False
    return True


def leave(runner: Runs, doing: Doing) -> Ends | None:
    """exit: nothing comes after it."""
    if not _count(doing):
        return None
    gone = doing.state.copy()
    gone.dead = True
    return gone, gone


def leave_loop(runner: Runs, doing: Doing) -> Ends | None:
    """break, continue."""
    if len(doing.argv) > 1:
        _count(doing)
        doing.state.forget()
    runner.walk.leave(doing.state, call=False)
    return None


def leave_call(runner: Runs, doing: Doing) -> Ends | None:
    """return."""
    if _count(doing):
        runner.walk.leave(doing.state, call=True)
    return None


def export(runner: Runs, doing: Doing) -> Ends | None:
    """export: the same in every shell."""
    _declare(doing, doing.state, known=True)
    return None


def local(runner: Runs, doing: Doing) -> Ends | None:
    """local: hides a variable until the call ends; an error outside of one."""
    inside = [runner.walk.local(name, doing.state) for name in _declared_names(doing)]
    _declare(doing, doing.state, known=all(inside))
    return None


def declare(runner: Runs, doing: Doing) -> Ends | None:
    """declare, typeset, readonly: not every shell has them, they may be local, and may keep a value for good."""
    for name in _declared_names(doing):
        runner.walk.local(name, doing.state)
    if doing.name == "readonly" or any("r" in value.text for value in doing.argv[1:] if value.text[:1] == "-"):
        doing.doubt("a variable that cannot be set any more")
    _declare(doing, doing.state, known=False)
    return None


def _declared_names(doing: Doing) -> list[str]:
    return [value.text.partition("=")[0].rstrip("+") for value in doing.argv[1:] if value.text[:1] not in ("-", "+")]


def _declare(doing: Doing, state: State, known: bool) -> None:
    options = "".join(value.text[1:] for value in doing.argv[1:] if value.text[:1] in ("-", "+"))
    if not set(options) <= set("xgrp"):
        doing.doubt("a declaration with which a name or a value means something else")
    _injected(doing)
    for value in doing.argv[1:]:
        match = _DECLARED.match(value.text)
        name = match[1] if match else value.text
        if value.text[:1] in ("-", "+"):
            continue
        if is_special(name):
            doing.doubt(f"the variable {name} is set")
        if match or doing.name != "export":
            state.variables[name] = _declared(value, match) if known and not is_volatile(name) else ANYTHING


def _declared(value: Value, match: re.Match[str] | None) -> Value:
    plain = match is not None and value.literal and match[2] == "=" and "~" not in match[3]
    return Value(match[3]) if match is not None and plain else ANYTHING


def unset(runner: Runs, doing: Doing) -> Ends | None:
    """unset: variables and functions."""
    _injected(doing)
    for value in doing.argv[1:]:
        doing.state.variables[value.text] = ANYTHING
        doing.state.functions[value.text] = None
        if is_special(value.text) and not value.text.startswith("-"):
            doing.doubt(f"the variable {value.text} is unset")
    return None


def reads(runner: Runs, doing: Doing) -> Ends | None:
    """read, mapfile, getopts, printf -v, wait -p: names in their words get values that nobody knows."""
    _injected(doing)
    if any(value.text.startswith(("-C", "-c")) and doing.name != "read" for value in doing.argv[1:]):
        doing.doubt("a builtin that calls back")
    for name in _names(doing.argv[1:]):
        doing.state.variables[name] = ANYTHING
        if is_special(name):
            doing.doubt(f"the variable {name} is set")
    doing.state.variables.update(dict.fromkeys(("REPLY", "MAPFILE", "OPTARG"), ANYTHING))
    return None


def _names(values: Iterable[Value]) -> list[str]:
    return [value.text for value in values if NAME.fullmatch(value.text)]


def formatted(runner: Runs, doing: Doing) -> Ends | None:
    """printf and zsh's print: a variable may be set, and zsh evaluates what is to be shown as a number."""
    operands = doing.argv[1:]
    if any(value.text[:1] == "-" and "v" in value.text for value in operands[:-1]):
        reads(runner, doing)
    numeric = operands and _NUMERIC.search(operands[0].text)
    if doing.name == "print" and any(value.text[:1] == "-" and set(value.text) & set("fPzS") for value in operands):
        doing.doubt("print with an option that evaluates its words")
    if numeric and not all(map(is_plain_number, operands[1:])):
        doing.doubt("printf of a number that is not known")
    return None


def _injected(doing: Doing) -> None:
    """`x[$(command)]` as a name: some builtins evaluate the subscript, quoted or not."""
    if any(map(has_subscript, doing.argv[1:])):
        doing.doubt("a subscript that is evaluated")


def tests(runner: Runs, doing: Doing) -> Ends | None:
    """test, [: zsh evaluates numbers there."""
    if why := evaluated(doing.argv):
        doing.doubt(why)
    return None


def arithmetic(runner: Runs, doing: Doing) -> Ends | None:
    """let."""
    for value in doing.argv[1:]:
        number = runner.walk.expander.number(Arithmetic(value.text), doing.state)
        if not value.literal or number.unsure:
            doing.doubt(value.unsure or number.unsure or "arithmetic on what is not known")
    return None


def settings(runner: Runs, doing: Doing) -> Ends | None:
    """set: options that change how commands are read are doubtful; positional parameters are forgotten."""
    argv = doing.argv[1:]
    for number, value in enumerate(argv):
        text = value.text
        if text in ("-", "--") or text[:1] not in ("-", "+"):
            named = number and argv[number - 1].text[-1:] == "o" and argv[number - 1].text[:1] in ("-", "+")
            if named and text in _SET_WORDS:
                continue
            if named:
                doing.doubt(f"the option {text} of the shell")
            doing.state.positional = None
            break
        if not _SET_LETTERS.fullmatch(text):
            doing.doubt(f"the option {text} of the shell")
    return None


def shift(runner: Runs, doing: Doing) -> Ends | None:
    """shift."""
    _count(doing)
    doing.state.positional = None
    return None


def trap(runner: Runs, doing: Doing) -> Ends | None:
    """trap: the command line runs at some other time, when variables may be anything."""
    operands = [value for value in doing.argv[1:] if value.text not in ("--", "-p", "-l")]
    if len(operands) < 2 or operands[0].text in ("", "-") or operands[0].text.isdigit():
        return None
    later = doing.state.copy()
    later.forget()
    runner.code(doing, operands[0], later)
    return None


def alias(runner: Runs, doing: Doing) -> Ends | None:
    """alias: from the next line on, a word means something else in some shells."""
    if any("=" in value.text or value.unsure for value in doing.argv[1:]):
        doing.doubt("an alias is defined")
    return None


def hashed(runner: Runs, doing: Doing) -> Ends | None:
    """hash: may say where a program lies."""
    if given(Options("rltd", "p"), doing.argv).has("p") or any("=" in value.text for value in doing.argv):
        doing.doubt("a name gets another program")
    return None


def doubtful(runner: Runs, doing: Doing) -> Ends | None:
    """Builtins and programs whose effect on what follows, or on what runs later, nobody can tell."""
    raise Unreadable(f"{doing.name}, whose effect cannot be told from its words")


def forgets(runner: Runs, doing: Doing) -> Ends | None:
    """`.` and source: a file's commands run here."""
    doing.doubt("commands of a file that run in this shell")
    state: State = doing.state
    state.forget()
    return None


_DOUBTFUL = (
    "enable bind complete compgen compopt fc history shopt setopt unsetopt emulate zmodload autoload functions sched"
    " zcompile vared bindkey zle zstyle disable unalias unhash limit ztcp zpty zselect coproc select foreach function"
    " at batch tmux screen expect pwsh osascript rvim ed ex incron anacron run-parts jobs suspend newgrp sg"
    " pushln echoti echotc log zmv zargs"
    " proxychains proxychains4 torsocks torify tsocks eatmydata firejail bwrap proot schroot fakechroot aa-exec runcon"
    " valgrind perf rlwrap dbus-run-session dbus-launch xvfb-run xinit startx ssh-agent sshpass lxc incus lxc-attach"
    " lxc-execute machinectl systemd-nspawn mosh dbclient pdsh clush salt salt-call run-one daemonize daemon entr"
    " inotifywait flatpak snap srun sbatch mpirun mpiexec logsave hyperfine multitime cpulimit run0 please super pfexec"
    " calife softlimit envuidgid envdir s6-setuidgid runsv runas debugfs"
)

BUILTINS: Mapping[str, Handler] = {
    **dict.fromkeys(words(_DOUBTFUL), doubtful),
    **dict.fromkeys((".", "source"), forgets),
    **dict.fromkeys(("cd", "chdir", "pushd"), change_directory),
    "exit": leave,
    **dict.fromkeys(("break", "continue"), leave_loop),
    **dict.fromkeys(("declare", "typeset", "readonly", "integer", "float", "setenv", "private"), declare),
    "export": export,
    "local": local,
    **dict.fromkeys(
        ("read", "mapfile", "readarray", "getopts", "wait", "getln", "sysread", "strftime", "zparseopts"), reads
    ),
    **dict.fromkeys(("test", "["), tests),
    "popd": leave_directory,
    "return": leave_call,
    "unset": unset,
    "unsetenv": unset,
    "printf": formatted,
    "print": formatted,
    "let": arithmetic,
    "set": settings,
    "shift": shift,
    "trap": trap,
    "alias": alias,
    "hash": hashed,
}
"""Builtin → who finds out what it changes."""
