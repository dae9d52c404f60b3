"""Programs that run commands, or read scripts, when one of their words tells them to (C2). A list of the known ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs
from twisted_hoop.shell.options import Unreadable, words
from twisted_hoop.shell.walk import Ends

_RISKY: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.S)
    for names, pattern in {
        "tar bsdtar gtar": r"--(to-c|checkpoint-a|use|rsh|rmt|info-s|new-v|files-f|T).*|-?[A-Za-z]*[IFT][A-Za-z]*"
        r"|-[IFT].*",
        "rsync": r"(-[A-Za-z]*e|--rsh|--rsync-path|--remote-option|-M).*",
        "zip": r"-[A-Za-z]*T.*|--unzip-command.*|-TT.*",
        "sort": r"--compress-program.*|--comp.*",
        "split": r"--filter.*|--fil.*",
        "less zless more most pg": r"\+.*|-[A-Za-z]*[kKoO].*|--(lesskey|log|LOG).*",
        "man": r"-[HPX].*|--(pager|html|browser).*",
        "vi vim view nvim emacs nano vimdiff rview ex": r"(\+|--(cmd|eval|load|batch|script)|-[cSeslufb]).*",
        "nmap": r"--(script|interactive|datadir|resume).*",
        "tcpdump": r"-[A-Za-z]*z.*|--postrotate.*",
        "wget": r"--use-askpass.*|-e.*|--execute.*|--config.*|-i.*|--input-file.*",
        "curl": r"-[A-Za-z]*K.*|--config.*|--netrc-file.*|--engine.*",
        "apt apt-get aptitude apt-cache": r"(?i).*(invoke|::Pre-|::Post-|ProxyAutoDetect|-c(=|$)|--config-file).*",
        "dpkg": r"--(pre|post)-invoke.*|--force-script.*",
        "make gmake": r"--eval.*|-f(-|/dev/).*|-|SHELL=.*|MAKEFLAGS=.*|.*[`$].*",
        "nc ncat netcat": r"-[A-Za-z]*[ec].*|--(exec|sh-exec|lua-exec).*",
        "socat": r"(?i).*(exec|system|shell|open|tun).*",
        "psql": r"(?i).*(\\!|\\\||\\o|\\copy|\\i|\\w|\\g|program).*|-f.*|--file.*",
        "mysql mariadb": r"(?i).*(\\!|\bsystem\b|\\P|pager|tee|source|outfile|load_file).*",
        "sqlite3": r"(?i).*(\.(sh|sy|ex|on|ou|im|lo|ba|sa|re|ar|cd|op)|load_extension|edit\s*\(|writefile|readfile).*"
        r"|-init|-cmd",
        "crontab": r"(?!-l$|-u$|root$).*",
        "ssh-keygen": r"-[A-Za-z]*D.*",
        "openssl": r"-?engine|-provider.*|-?prov.*|-config.*",
        "gdb lldb": r".*",
        "scp sftp": r"-[A-Za-z0-9]*[SFDo].*|-b.*",
        "ansible ansible-playbook": r".*",
        "screen": r".*",
        "mail mailx mutt": r".*",
        "logrotate": r"(?!-d$|--debug$|/etc/logrotate\.).*",
        "start-stop-daemon": r".*",
        "capsh setpriv": r"--.*|--",
        "date": r"-[a-zA-Z]*f.*|--file.*",
        "jq": r".*\b(input_filename|\$__prog_args|import|include|env|getpath)\b.*",
        "npx pnpx bunx": r".+",
        "go cargo npm yarn pnpm pip pip3 gem bundle composer mvn gradle ant": (
            r"run|exec|x|dlx|generate|-e|test|-c|do|install|i|ci|script|build"
        ),
        "grep egrep fgrep zgrep": r"--include-dir-exec",
        "helm terraform packer vagrant": r".*(exec|plugin|console|provision).*",
        "iptables": r"--modprobe.*",
        "ionice": r"\0",
        "journalctl": r"\0",
    }.items()
    for name in names.split()
}  # fmt: skip


_LONG: Mapping[str, frozenset[str]] = {
    "tar": words(
        "to-command checkpoint-action use-compress-program rsh-command rmt-command info-script new-volume-script"
    ),
    "sort": words("compress-program"),
    "split": words("filter"),
    "wget": words("use-askpass execute config input-file"),
    "man": words("pager html browser"),
    "make": words("eval"),
    "curl": words("config engine"),
}
"""Long options, any beginning of which GNU's getopt_long takes for the whole."""


def _abbreviates(name: str, text: str) -> bool:
    option = text[2:].partition("=")[0]
    return text.startswith("--") and len(option) > 1 and any(o.startswith(option) for o in _LONG.get(name, ()))


def risky(runner: Runs, doing: Doing) -> Ends | None:
    """Programs that run commands, or read scripts, when an option or a word tells them to."""
    name = doing.name if doing.name in _RISKY else doing.family
    pattern = _RISKY[name]
    for at, value in enumerate(doing.argv[1:], 1):
        risk = pattern.fullmatch(value.text) or _abbreviates(name, value.text)
        if risk and not _is_usual(doing, at):
            raise Unreadable(f"{doing.name} with a word that may make it run a command")
    return None


def _is_usual(doing: Doing, at: int) -> bool:
    """Dashless bundles are only an option of tar as the first word; `rsync -e ssh` is how everybody calls it."""
    value = doing.argv[at]
    if doing.name == "rsync":
        following = doing.argv[at + 1].text if at + 1 < len(doing.argv) else ""
        shown = value.text.partition("=")[2] or following
        option = value.text == f"--rsh={shown}" or re.fullmatch(r"-[A-Za-z]*e", value.text)
        return bool(option) and re.fullmatch(r"ssh( -[pl] ?[\w.-]+)*", shown, re.A) is not None
    if doing.name in ("tar", "bsdtar", "gtar") and not value.text.startswith("-"):
        return at != 1
    return False


RISKS: Mapping[str, Handler] = dict.fromkeys(_RISKY, risky)
"""Program → who looks at its words."""
