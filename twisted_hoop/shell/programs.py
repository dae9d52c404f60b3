"""What is known of ordinary programs: which of their words are files, what their options mean, whether they write."""

from __future__ import annotations

import re
from collections.abc import Iterator

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.options import words
from twisted_hoop.shell.values import HOME, Value

READERS = words(
    "[ awk base32 base64 basename bzcat cat cd cksum cmp comm cut df diff dir dirname du echo egrep expand false fgrep"
    " file fold gawk getfacl grep groups head hexdump id join jq less ls lsattr lsof mawk md5sum more namei nl od paste"
    " pgrep printf ps pwd readlink realpath rev rgrep sha1sum sha224sum sha256sum sha384sum sha512sum sleep stat"
    " strings sum tac tail test tr tree true type uname uniq vdir wc whereis which who whoami xxd xzcat zcat zgrep"
    " zless"
)
"""Programs that read, and write nothing but their output (the flags that make some of them write are judged apart)."""

WRITERS = words("chattr chgrp chmod chown mkdir mkfifo mknod mkswap rmdir rm setfacl shred touch truncate unlink")
"""Programs that write what they name, and read nothing of it."""

_NOT_ONLY_FILES = words(
    "echo printf id uname sleep true false pwd who whoami groups ps pgrep basename dirname type which tr test ["
)
_MORE_FILES = words(
    "bunzip2 bzip2 cp csplit dd ed ex gunzip gzip install link ln mount mv nano patch scp sftp shar sort split srm"
    " strip tar tee umount unrar unxz unzip vi view vim vipw wipe xz zip zstd rsync sed nvim emacs pico rcp"
)
_FILES = (READERS - _NOT_ONLY_FILES) | WRITERS | _MORE_FILES
"""Programs whose operands are files, however they are spelt."""

_NO_FILES = words(
    "apt apt-cache apt-get chkconfig date dig docker dnf echo free groups host hostname hostnamectl id ip ipcs iptables"
    " journalctl kill killall kubectl last loginctl lsblk lscpu nproc nslookup passwd pgrep ping pkill podman printf ps"
    " reboot service shutdown sleep ss systemctl sysctl timedatectl uname uptime useradd usermod w who whoami yum"
)
"""Programs whose bare words are names of other things."""

_SAYS = words("echo printf : true false test [")
"""Programs that open none of their arguments (test looks at files, and tells of their existence only)."""

_RECURSIVE = words(
    "rm cp chmod chown chgrp chcon grep egrep fgrep rgrep ls dir vdir scp rcp zip setfacl chattr lsattr srm"
)
_RECURSIVE_BY_LETTER = {"rsync": "ar", "ls": "R", "dir": "R", "vdir": "R", "chmod": "R", "chown": "R", "chgrp": "R",
                        "setfacl": "R", "chattr": "R", "lsattr": "R", "cp": "rRa"}  # fmt: skip
_ALWAYS_RECURSIVE = words("tar rgrep du tree rsync fd rg ag ack")
_LISTS = words("ls dir vdir du tree find lsattr")
"""Programs that look at names and sizes of what lies below a directory, and at no content."""

_LOOKING = words("grep egrep fgrep rgrep zgrep jq rg ag ack")
_FORCING = words("rm mv cp ln srm shred umount rmmod gzip gunzip bzip2 xz zstd docker podman git kill")
_REMOVERS = words("rm rmdir unlink shred srm wipe")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_GLUED = re.compile(r"-{1,2}[A-Za-z0-9][A-Za-z0-9_-]*=?(?=[/~]|\.{1,2}/)")


def _pattern(doing: Doing) -> None:
    """The first operand of grep and jq is what to look for."""
    texts = [value.text for value in doing.argv]
    if doing.name in _LOOKING and not any(text.startswith(("-e", "-f", "--reg", "--fi", "--from-f")) for text in texts):
        number = next((number for number, text in enumerate(texts) if number and not text.startswith("-")), 0)
        doing.told.add(number)


def describe(doing: Doing) -> None:
    """Add the flags, files and accesses of a command by its name and words."""
    _pattern(doing)
    name, arguments = doing.name, doing.argv[1:]
    _flags(doing, name, arguments)
    if not doing.argv:
        return
    doing.access |= _accesses(name)
    if name not in _SAYS:
        deep = "recursive" in doing.flags and name not in _LISTS
        kept = doing.trees if deep else doing.files
        kept.extend(_files(doing, name))


def _accesses(name: str) -> set[str]:
    if name in READERS or name in _SAYS:
        return {"read"}
    return {"write"} if name in WRITERS else {"read", "write"}


def _flags(doing: Doing, name: str, arguments: list[Value]) -> None:
    if name in _ALWAYS_RECURSIVE or any(_is_recursive(name, text) for text in _options(arguments)):
        doing.flags.add("recursive")
    if any(_is_forcing(name, text) for text in _options(arguments)):
        doing.flags.add("force")
    if name in _REMOVERS or (name == "rsync" and any(text.startswith("--del") for text in _options(arguments))):
        doing.flags.add("remove")


def _options(arguments: list[Value]) -> Iterator[str]:
    for value in arguments:
        if value.text == "--":
            return
        if value.text.startswith("-"):
            yield value.text


def _is_recursive(name: str, text: str) -> bool:
    if text.startswith("--"):
        return _abbreviates(text, "--recursive") or (name == "cp" and _abbreviates(text, "--archive"))
    if name not in _RECURSIVE and name not in _RECURSIVE_BY_LETTER:
        return False
    return not set(text[1:]).isdisjoint(_RECURSIVE_BY_LETTER.get(name, "rR"))


def _is_forcing(name: str, text: str) -> bool:
    if text.startswith("--"):
        return _abbreviates(text, "--force") or text.startswith("--force")
    return name in _FORCING and ("f" in text[1:] or (name == "kill" and text in ("-9", "-KILL", "-SIGKILL")))


def _abbreviates(text: str, option: str) -> bool:
    """GNU's getopt_long takes any unambiguous beginning."""
    return len(text) > 2 and option.startswith(text)


def _files(doing: Doing, name: str) -> Iterator[Value]:
    moved = doing.state.places != frozenset({HOME}) and name not in _NO_FILES
    operands = False
    for number, value in enumerate(doing.argv[1:], 1):
        text = value.text
        operands = operands or text == "--"
        if value.stream or text in ("--", "-") or number in doing.told:
            continue
        if text.startswith("-") and not operands:
            yield from _in_option(value)
        elif _looks_like_path(value) or ((name in _FILES or moved) and not _URL.match(text)):
            yield value
            yield from _parts(value)
        else:
            yield from _parts(value)


def _looks_like_path(value: Value) -> bool:
    text = value.text
    if _URL.match(text):
        return False
    return value.home or value.glob.startswith("/") or "/" in text or text in (".", "..", "~") or text.startswith("./")


def _in_option(value: Value) -> Iterator[Value]:
    """`--file=/x`, `-I/x`."""
    match = _GLUED.match(value.text)
    if match:
        yield _rest(value, match.end())
    elif "/" in value.text:
        yield _rest(value, value.text.index("/"))
    elif "=" in value.text:
        yield _rest(value, value.text.index("=") + 1)


def _parts(value: Value) -> Iterator[Value]:
    """`of=/x`, `host:/x`, `@/x`, `file:///x`."""
    text = value.text
    if _URL.match(text) and not text.lower().startswith("file:"):
        return
    if text.startswith("/") and ":" in text:
        yield Value(text.partition(":")[0], _rest(value, 0).glob.partition(":")[0])
    for match in re.finditer(r"[=:@,](?=/|~/|\.{1,2}/)", text):
        rest = _rest(value, match.end())
        yield Value(rest.text[2:] if rest.text.startswith("///") else rest.text, rest.glob, rest.home)
    if setting := re.match(r"[A-Za-z_]+=(?=[^/~])", text):
        yield _rest(value, setting.end())


def _rest(value: Value, start: int) -> Value:
    text = value.text[start:]
    glob = _BRACKETS.sub("?", text).replace("\\", "\\\\") if value.glob else ""
    return Value(text, glob, home=text == "~" or text.startswith("~/"))
