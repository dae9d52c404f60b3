"""Commands that speak a file protocol on their streams: scp, rsync, sftp-server, git's packs (S15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs
from twisted_hoop.shell.options import Options, Unreadable, given, words
from twisted_hoop.shell.reading import Transfer
from twisted_hoop.shell.risks import risky
from twisted_hoop.shell.values import Value
from twisted_hoop.shell.walk import Ends

Direction = Literal["upload", "download", "both"]

_PACKS: Mapping[str, Direction] = {
    "git-upload-pack": "download",
    "git-upload-archive": "download",
    "git-receive-pack": "upload",
}
JUDGED_TRANSFERS = frozenset(("scp", "sftp-server", "internal-sftp"))
"""Transfers whose files are judged one by one while they pass."""
_SCP = Options("12346ABCOTdfpqRrstv", "DFJPSXcilo")
_RSYNC_DARING = ("--rsh", "--daemon", "--config", "--dparam", "-M", "--log-file-format")
_GLOBAL = {"-C": 1, "-c": 1, "--git-dir": 1, "--work-tree": 1, "--namespace": 1}
_SAFE_SETTINGS = (
    "user.", "color.", "advice.", "init.defaultbranch", "safe.directory", "core.quotepath", "core.autocrlf", "gc.auto=",
    "protocol.version=", "http.sslverify=", "log.", "pull.", "fetch.", "push.",
)  # fmt: skip
_GIT = words(
    "add am annotate apply archive bisect blame branch bundle cat-file check-ignore checkout cherry cherry-pick clean"
    " clone commit count-objects describe diff diff-tree fetch for-each-ref format-patch fsck gc grep help init lfs log"
    " ls-files ls-remote ls-tree merge merge-base mv name-rev pack-refs prune pull push range-diff rebase reflog remote"
    " repack reset restore rev-list rev-parse revert rm shortlog show show-ref sparse-checkout stash status submodule"
    " switch symbolic-ref tag update-index update-ref var verify-commit version whatchanged worktree write-tree config"
    " --version --help"
)
_GIT_DARING = (
    "--upload-pack", "--receive-pack", "--exec", "--ext", "--open-files", "-O", "--textconv", "--tool", "--extcmd",
    "--template", "--config-env", "--output",
)  # fmt: skip
_GIT_RUNNING = {
    "bisect": ("run",), "submodule": ("foreach",), "rebase": ("-x",), "clone": ("-u", "-c", "--config"),
    "ls-remote": ("-u",), "config": ("--edit", "-e"),
}  # fmt: skip


def transfer_of(name: str, argv: Sequence[Value]) -> Transfer | None:
    """The transfer that a command is by its words, paths as they are written; None when it is none."""
    texts = [value.text for value in argv[1:]]
    if name == "scp" and (direction := _scp(argv)):
        return Transfer("scp", direction, tuple(_operands(texts)))
    # Its clients send it first; behind another word it may be that word's value, or an operand (C2).
    if name == "rsync" and texts[:1] == ["--server"]:
        operands = _operands(texts)
        return Transfer("rsync", "download" if "--sender" in texts else "upload", tuple(operands[1:]))
    if name in ("sftp-server", "internal-sftp"):
        return Transfer(name, "both")
    if name == "git" and texts and f"git-{texts[0]}" in _PACKS:
        return transfer_of(f"git-{texts[0]}", argv[1:])
    if name in _PACKS:
        return Transfer(name, _PACKS[name], tuple(_operands(texts)))
    return None


def _scp(argv: Sequence[Value]) -> Direction | None:
    """The undocumented -t (to) and -f (from) of the remote end; options before the paths. May raise Unreadable."""
    found = given(_SCP, argv)
    if found.has("t", "f") and found.has("S", "o", "F", "D"):
        raise Unreadable("scp with an option that may run a command")
    if argv[found.rest - 1].text != "--" and any(value.text.startswith("-") for value in argv[found.rest :]):
        raise Unreadable("an option of scp behind a path, which some take for one")
    if found.has("t") and found.has("f"):
        return "both"
    return "upload" if found.has("t") else "download" if found.has("f") else None


def _operands(texts: list[str]) -> list[str]:
    end = texts.index("--") if "--" in texts else len(texts)
    return [text for text in texts[:end] if not text.startswith("-")] + texts[end + 1 :]


def transfer(runner: Runs, doing: Doing) -> Ends | None:
    """Mark the class; what such a server may be told to run besides is doubtful."""
    found = transfer_of(doing.name, doing.argv)
    if found is None:
        return risky(runner, doing) if doing.name in ("scp", "rsync") else None
    doing.classes.add("transfer")
    if doing.name == "rsync":
        _rsync_server(doing)
    if doing.name in ("scp", "rsync") or doing.name in _PACKS:
        doing.files += doing.argv[-1:]
    return None


def _rsync_server(doing: Doing) -> None:
    """Its first operand is a dot that stands for nothing."""
    for number, value in enumerate(doing.argv[1:], 1):
        if value.text.startswith(_RSYNC_DARING):
            raise Unreadable("rsync with an option that may run a command")
        if value.text == "." and not doing.told:
            doing.told.add(number)


def git(runner: Runs, doing: Doing) -> Ends | None:
    """git: packs are transfers; settings, aliases and some options run commands."""
    found = transfer_of("git", doing.argv)
    if found is not None:
        doing.classes.add("transfer")
        doing.files += doing.argv[-1:]
        return None
    at = _global_options(doing)
    if at >= len(doing.argv):
        return None
    verb, rest = doing.argv[at].text, [value.text for value in doing.argv[at + 1 :]]
    if verb not in _GIT:
        raise Unreadable(f"git {verb}, which may be an alias")
    running = _GIT_RUNNING.get(verb, ())
    if any(text.startswith(_GIT_DARING) or text.startswith(("ext::", "fd::")) or text in running for text in rest):
        raise Unreadable(f"git {verb} with a word that may make it run a command")
    if verb == "config" and sum(not text.startswith("-") for text in rest) > 1:
        raise Unreadable("a setting of git is changed")
    if verb == "clean":
        doing.flags.update(("remove", "recursive"))
    return None


def _global_options(doing: Doing) -> int:
    at = 1
    while at < len(doing.argv) and doing.argv[at].text.startswith("-"):
        text = doing.argv[at].text
        if text == "-c" and not _is_safe_setting(doing.argv[at + 1 : at + 2]):
            raise Unreadable("a setting of git that may run a command")
        if text.startswith(("--exec-path=", "--config-env", "--html-path=")):
            raise Unreadable("git with its programs from elsewhere")
        if text in ("--version", "--help"):
            return at
        at += 1 + _GLOBAL.get(text, 0)
    return at


def _is_safe_setting(values: Sequence[Value]) -> bool:
    return bool(values) and values[0].literal and values[0].text.lower().startswith(_SAFE_SETTINGS)


def git_shell(runner: Runs, doing: Doing) -> Ends | None:
    """git-shell -c "git-upload-pack '/x'": only packs."""
    if len(doing.argv) != 3 or doing.argv[1].text != "-c":
        raise Unreadable("git-shell without its command")
    runner.code(doing, doing.argv[2], doing.state.fresh())
    return None


TRANSFERS: Mapping[str, Handler] = {
    **dict.fromkeys(("scp", "rsync", "sftp-server", "internal-sftp", *_PACKS), transfer),
    "git": git,
    "git-shell": git_shell,
}
"""Program → who finds out what it transfers."""
