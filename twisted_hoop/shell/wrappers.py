"""Programs that run the command in their arguments, and what of it they change (C2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs, joined
from twisted_hoop.shell.names import is_special
from twisted_hoop.shell.options import Given, Options, Unreadable, given, takes, words
from twisted_hoop.shell.values import State, Value, merged, unknown
from twisted_hoop.shell.walk import Ends

_ASSIGNMENT = re.compile(r"([^=]*)=")
_RESERVED = words("! { } if then elif else fi do done case esac while until for function select coproc [[ ]] time")


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How a program is told what to run: its options, then so many operands, NAME=VALUE when `assigns`, the command.

    `stops`: options with which it runs nothing. `unclear`: options with which nobody can tell what it runs.
    """

    options: Options
    operands: int = 0
    assigns: bool = False
    stops: tuple[str, ...] = ("help", "version")
    unclear: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    directory: tuple[str, ...] = ()
    bare: str = ""
    """Why it is doubtful without a command; "" when it then does nothing."""

    def __call__(self, runner: Runs, doing: Doing) -> Ends | None:
        doing.flags.update(self.flags)
        found = given(self.options, doing.argv)
        if found.has(*self.stops):
            return None
        if found.has(*self.unclear):
            doing.doubt(f"an option of {doing.name} that changes what it runs")
        argv = doing.argv[found.rest + self.operands :]
        if self.assigns:
            argv = without_assignments(doing, argv)
        if not argv:
            if self.bare:
                doing.doubt(self.bare)
            return None
        runner.inner(doing, argv, self._state(doing, found))
        return None

    def _state(self, doing: Doing, found: Given) -> State:
        state = doing.state.copy()
        if "privileged" in self.flags:
            state.homely = False
        for directory in found.values(*self.directory):
            moved(doing, state, directory)
        return state


def without_assignments(doing: Doing, argv: list[Value]) -> list[Value]:
    """What follows NAME=VALUE words; doubt when a variable changes what programs do (S18)."""
    start = 0
    while start < len(argv) and (match := _ASSIGNMENT.match(argv[start].text)):
        if is_special(match[1]) or argv[start].unsure:
            doing.doubt(f"the variable {match[1]} is set")
        start += 1
    return argv[start:]


def moved(doing: Doing, state: State, directory: Value) -> None:
    """The state's shell goes to a directory."""
    places = doing.placed(directory)
    sure = not directory.unsure and not directory.glob and not directory.dialect
    known = sure and state.places is not None and not any(place.unsure for place in places)
    state.places = frozenset(place.path for place in places) if known else None


_SHELL = "it starts a shell that reads commands from its input"
_SUDO = Wrapper(
    takes(
        "AbBEHKknPSVlvis", "ughpCrtTUDRca",
        "askpass background preserve-env set-home remove-timestamp reset-timestamp non-interactive preserve-groups"
        " stdin list validate login shell bell",
        "user group host prompt close-from role type command-timeout other-user chdir chroot login-class",
    ),
    assigns=True, stops=("help", "version", "V", "l", "v", "K", "list", "validate", "remove-timestamp"),
    unclear=("R", "chroot", "c", "a"), flags=("privileged",), directory=("D", "chdir"), bare=_SHELL,
)  # fmt: skip


def _sudo(runner: Runs, doing: Doing) -> Ends | None:
    found = given(_SUDO.options, doing.argv)
    if found.has("i", "s", "login", "shell"):
        rest = doing.argv[found.rest :]
        if any("$" in value.text or not value.literal for value in rest):
            doing.doubt("a shell of sudo expands the words again")
        if found.has("i", "login"):
            doing.state.copy()
    return _SUDO(runner, doing)


def _env(runner: Runs, doing: Doing) -> Ends | None:
    argv = [value for number, value in enumerate(doing.argv) if value.text != "-" or number > 1]
    found = given(_ENV, argv)
    rest = argv[found.rest :]
    for text in found.values("S", "split-string"):
        rest = [*_split(text), *rest]
    if found.has("help", "version"):
        return None
    state = doing.state.copy()
    for directory in found.values("C", "chdir"):
        moved(doing, state, directory)
    if any(is_special(name.text) for name in found.values("u", "unset")):
        doing.doubt("a variable that programs depend on is unset")
    rest = without_assignments(doing, rest)
    if rest and rest[0].text.startswith("-"):
        raise Unreadable("an option behind a split string")
    runner.inner(doing, rest, state)
    return None


_ENV = takes(
    "i0v", "uCS", "ignore-environment null debug list-signal-handling block-signal default-signal ignore-signal",
    "unset chdir split-string",
)  # fmt: skip


def _split(text: Value) -> list[Value]:
    if not text.literal or not re.fullmatch(r"[\w./:,=+@% -]*", text.text, re.A):
        raise Unreadable("a string that env splits in its own way")
    return [Value(word) for word in text.text.split()]


def _time(runner: Runs, doing: Doing) -> Ends | None:
    """A reserved word to some shells, a program to others."""
    found = given(_TIME, doing.argv)
    rest = without_assignments(doing, doing.argv[found.rest :])
    if rest and (rest[0].text in _RESERVED or rest[0].text in doing.state.functions):
        doing.doubt("time in front of what only some shells take for a command")
    ends = runner.same(doing, rest)
    return None if ends is None else (merged(*ends), merged(*ends))


_TIME = takes("apvqV", "fo", "append portability verbose quiet", "format output")


def _xargs(runner: Runs, doing: Doing) -> Ends | None:
    """Arguments come from its input, where nobody can look ahead."""
    found = given(_XARGS, doing.argv)
    rest = doing.argv[found.rest :]
    if not rest:
        return None
    names = [value.text for value in found.values("I", "J", "replace")]
    if found.has("i") or (found.has("replace") and names == [""]):
        names = ["{}"]
    more = unknown("{}", "arguments that come from the input")
    filled = [more if any(name and name in value.text for name in names) else value for value in rest]
    runner.inner(doing, filled if names and more in filled else [*filled, more])
    doing.doubt(more.unsure)
    return None


_XARGS = takes("0rtxpoi", "adEILnPsJR", "null no-run-if-empty verbose interactive exit open-tty show-limits",
             "arg-file delimiter eof max-lines max-args max-procs max-chars process-slot-var replace")  # fmt: skip


def _parallel(runner: Runs, doing: Doing) -> Ends | None:
    doing.doubt("parallel makes command lines of its input")
    inner = [value for value in doing.argv[1:] if not value.text.startswith("-")]
    stop = next((number for number, value in enumerate(inner) if value.text.startswith(":::")), len(inner))
    runner.inner(doing, inner[:stop])
    return None


def _applet(runner: Runs, doing: Doing) -> Ends | None:
    """busybox and toybox: the first word is the program."""
    rest = doing.argv[1:]
    if rest and rest[0].text.startswith("-") and rest[0].text not in ("--list", "--list-full", "--help"):
        doing.doubt(f"an option of {doing.name}")
    elif rest and not rest[0].text.startswith("-"):
        runner.inner(doing, rest)
    return None


def _flock(runner: Runs, doing: Doing) -> Ends | None:
    found = given(_FLOCK, doing.argv)
    rest = doing.argv[found.rest + 1 :]
    if rest and rest[0].text in ("-c", "--command"):
        if len(rest) != 2:
            raise Unreadable("a command of flock that cannot be told")
        runner.code(doing, rest[1], doing.state.fresh())
    else:
        runner.inner(doing, rest)
    return None


_FLOCK = takes(
    "sexnuoFv", "wE", "shared exclusive unlock nonblock nb close no-fork verbose", "timeout wait conflict-exit-code"
)


def _watch(runner: Runs, doing: Doing) -> Ends | None:
    found = given(_WATCH, doing.argv)
    rest = doing.argv[found.rest :]
    if found.has("x", "exec"):
        runner.inner(doing, rest)
    elif rest:
        runner.code(doing, joined(rest), doing.state.fresh())
    return None


_WATCH = takes("bcdegtxwqrCpf", "ns", "beep color differences errexit chgexit no-title exec precise no-wrap no-rerun",
             "interval equexit shotsdir")  # fmt: skip


def _second(runner: Runs, doing: Doing) -> Ends | None:
    """zsh's `repeat 3 command`."""
    if doing.argv[2:3] and doing.argv[2].text in _RESERVED:
        doing.doubt("repeat in front of what only zsh takes for a command")
    runner.same(doing, doing.argv[2:], functions=True)
    after = doing.state.copy()
    after.forget()
    return after, after


def _same_shell(runner: Runs, doing: Doing) -> Ends | None:
    """zsh's words in front of a command: noglob, nocorrect, `-`."""
    return runner.same(doing, doing.argv[1:], functions=True)


def _command(runner: Runs, doing: Doing) -> Ends | None:
    found = given(takes("pvV"), doing.argv)
    return None if found.has("v", "V") else runner.same(doing, doing.argv[found.rest :])


def _builtin(runner: Runs, doing: Doing) -> Ends | None:
    return runner.same(doing, doing.argv[1:])


def _tracer(runner: Runs, doing: Doing) -> Ends | None:
    """strace, ltrace."""
    return Wrapper(takes("cCdfFhiknqrtTvVwxyYDz", "IabeEoOpPsuUSX", "", "", single="ff tt ttt"))(runner, doing)


WRAPPERS: Mapping[str, Handler] = {
    "sudo": _sudo,
    "sudoedit": lambda runner, doing: doing.doubt("an editor that runs privileged"),
    "doas": Wrapper(takes("Lns", "aCu"), flags=("privileged",), unclear=("C",), bare=_SHELL),
    "pkexec": Wrapper(takes("", "u", "disable-internal-agent keep-cwd", "user"), flags=("privileged",), bare=_SHELL),
    "dzdo": _sudo,
    "env": _env,
    "nohup": Wrapper(takes()),
    "nice": Wrapper(takes("", "n", "", "adjustment", numbers=True)),
    "ionice": Wrapper(takes("t", "cnpPu", "ignore", "class classdata pid pgid uid"), stops=("p", "P", "u", "help")),
    "chrt": Wrapper(takes("abfiormvR", "pTPD", "batch fifo idle other rr max verbose"), operands=1, stops=("p", "m")),
    "taskset": Wrapper(takes("acpV", "", "all-tasks cpu-list pid"), operands=1, stops=("p", "pid", "help", "version")),
    "numactl": Wrapper(takes("asHlb", "iNmCpP", "all show hardware localalloc", "interleave cpunodebind membind")),
    "timeout": Wrapper(takes("vp", "ks", "foreground preserve-status verbose", "kill-after signal"), operands=1),
    "time": _time,
    "stdbuf": Wrapper(takes("", "ioe", "", "input output error")),
    "unbuffer": Wrapper(takes("p")),
    "setsid": Wrapper(takes("cfwVh", "", "ctty fork wait")),
    "setarch": Wrapper(takes("BFIRSXZL3v", "", "uname-2.6 addr-no-randomize"), operands=1, bare=_SHELL),
    "linux32": Wrapper(takes("R"), bare=_SHELL),
    "linux64": Wrapper(takes("R"), bare=_SHELL),
    "prlimit": Wrapper(takes("", "pocdefilmnqrstuvxy", "noheadings raw", "pid output"), stops=("p", "pid", "help")),
    "cgexec": Wrapper(takes("", "g", "sticky")),
    "caffeinate": Wrapper(takes("disum", "tw")),
    "chronic": Wrapper(takes("ev")),
    "ts": Wrapper(takes("rism")),
    "chpst": Wrapper(takes("vVP012", "uUbedormpfcnl/"), flags=("privileged",)),
    "setuidgid": Wrapper(takes(), operands=1, flags=("privileged",)),
    "gosu": Wrapper(takes(), operands=1, flags=("privileged",)),
    "su-exec": Wrapper(takes(), operands=1, flags=("privileged",)),
    "tini": Wrapper(takes("svgw", "pe")),
    "dumb-init": Wrapper(takes("cv", "r")),
    "fakeroot": Wrapper(takes("uv", "lsib", "unknown-is-real"), bare=_SHELL),
    "catchsegv": Wrapper(takes()),
    "chroot": Wrapper(
        takes("", "ugG", "skip-chdir", "userspec groups"), operands=1, flags=("privileged",), bare=_SHELL
    ),
    "unshare": Wrapper(
        takes("muinpUCTfrc", "RwSGl", "mount uts ipc net pid user cgroup time fork mount-proc map-root-user"
            " map-current-user keep-caps kill-child", "root wd setuid setgid map-user map-group propagation setgroups"),
        flags=("privileged",), unclear=("R", "root"), directory=("w", "wd"), bare=_SHELL,
    ),
    "nsenter": Wrapper(
        takes("amuinpCUTrweFZ", "tSG", "all mount uts ipc net pid user cgroup time no-fork preserve-credentials",
            "target setuid setgid root wd"), flags=("privileged",), bare=_SHELL,
    ),
    "systemd-run": Wrapper(
        takes("GrdtPqS", "pHMuE", "scope user system remain-after-exit wait same-dir pty pipe quiet collect no-block"
            " shell no-ask-password send-sighup", "property host machine unit description slice uid gid nice"
            " working-directory setenv on-active on-boot on-calendar timer-property service-type"),
        flags=("privileged",), unclear=("S", "shell", "H", "M", "host", "machine"), directory=("working-directory",),
        bare=_SHELL,
    ),
    "systemd-inhibit": Wrapper(takes("", "", "list no-legend", "what who why mode")),
    "xargs": _xargs,
    "parallel": _parallel,
    "busybox": _applet,
    "toybox": _applet,
    "flock": _flock,
    "watch": _watch,
    "repeat": _second,
    "noglob": _same_shell,
    "nocorrect": _same_shell,
    "-": _same_shell,
    "builtin": _builtin,
    "command": _command,
    "exec": Wrapper(takes("cl", "a")),
    "strace": _tracer,
    "ltrace": _tracer,
}  # fmt: skip
"""Program → who finds out what it runs."""
