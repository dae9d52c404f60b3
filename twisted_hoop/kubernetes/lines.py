"""The lines of a shell in a container, judged one by one, by the judges that SSH has for its shells. Pure.

`kubectl exec -it POD -- sh` is class `shell`, and so is each line that is typed there: asked for at Enter, with the
facts of the pod and those of its programs. Advisory (C3), as there: what runs is decided by a program that may do
anything with what it reads. Only commands that stand in the request are a hard boundary. Not seen into: attach, and
shells that are started by another program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from twisted_hoop.kubernetes.facts import is_shell
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.sizes import Size
from twisted_hoop.model import Facts
from twisted_hoop.recording.asciicast import COLUMNS, ROWS
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.ssh.script import ScriptJudge
from twisted_hoop.ssh.terminal import TerminalJudge

LineJudge = Union[TerminalJudge, ScriptJudge]
_PLACE = ("verb", "resource", "api_group", "namespace", "name")
"""Facts of the request that are those of each line as well."""


def judge_of(
    request: KubeRequest,
    place: Facts,
    shell: ShellReader,
    channel: int,
    terminal: bool,
    hide: Callable[[str], str],
) -> LineJudge | None:
    """Who asks for each line; None for what is no interactive shell. `place` has the facts of the exec."""
    argv = request.values("command")
    if request.subresource != "exec" or not argv or not is_shell(argv):
        return None
    known = {key: place[key] for key in _PLACE if key in place}

    def facts(line: bytes) -> tuple[Facts, ...]:
        return tuple({**known, **each} for each in shell.read(line).facts) or (known,)

    if terminal:
        return TerminalJudge(facts, COLUMNS, ROWS, channel, channel, hide)
    return ScriptJudge(facts, channel, channel, hide)


def resized(judge: LineJudge | None, size: Size) -> None:
    """The terminal has that size now; one without any (S21) is followed as one of the usual size."""
    if isinstance(judge, TerminalJudge):
        judge.resize(size.columns or COLUMNS, size.rows or ROWS)
