"""What a request does, for rules: facts of the request, and of the program that exec would run. Pure.

`class`, `verb`, `resource` (`deployments.apps/scale`), `api_group` (`core` for the core group), `namespace`, `name`,
`method`, `flag`, `verb_alike` and `class_alike` (what it comes to besides, for rules that forbid); for what is no
resource `path`. A collection stands for every namespace or name it may hold: it has `namespace_glob` or `name_glob`,
which one rule that forbids may meet and a rule that permits must cover whole.
"""

from __future__ import annotations

import shlex

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.ports import facts_of_ports
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.scopes import CLUSTER_WIDE
from twisted_hoop.model import Facts
from twisted_hoop.shell.reader import ShellReader

CORE = "core"
"""The core group's name in rules: in paths it has none."""
DRY_RUN = "dry-run"
"""Flag of a write that changes nothing."""
_MADE_BY_UPDATE = frozenset({
    ("", "endpoints"), ("", "events"), ("", "limitranges"), ("", "podtemplates"), ("", "resourcequotas"),
    ("", "services"), ("coordination.k8s.io", "leases"), ("events.k8s.io", "events"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"), ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "roles"),
    ("scheduling.k8s.io", "priorityclasses"),
})  # fmt: skip
"""What API servers create by PUT where there is none (AllowCreateOnUpdate of k8s.io/kubernetes, pkg/registry)."""
_CREATE = frozenset({"create"})
WRITES = frozenset({"write"})
"""What `escape` is besides, for rules that forbid."""
_ANY = frozenset({"*"})
_ANYTHING = frozenset({"**"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh", "fish"})
_INTERACTIVE = frozenset({"-i", "-l", "-il", "-li", "--login"})
_ONCE = ("container", "stdin", "stdout", "stderr", "tty")
LONGEST_COMMAND = 64 * 1024
"""Bytes of an argument vector that is judged."""


def facts_of(request: KubeRequest, method: str, shell: ShellReader) -> tuple[Facts, ...]:
    """One element for each thing it does: exec has one for every command of its argument vector."""
    base = _path_facts(request, method) if request.kind == "path" else _resource_facts(request, method)
    if request.subresource == "portforward":
        return facts_of_ports(base, request)
    return _exec_facts(request, base, shell) if request.runs else (base,)


def _path_facts(request: KubeRequest, method: str) -> Facts:
    return {
        "class": request.classes,
        "verb": frozenset({request.verb}),
        "method": frozenset({method}),
        "path": frozenset({request.path}),
    }


def _resource_facts(request: KubeRequest, method: str) -> Facts:
    facts: dict[str, frozenset[str]] = {
        "class": request.classes,
        "verb": frozenset({request.verb}),
        "resource": frozenset({request.full_resource}),
        "api_group": frozenset({request.group or CORE}),
    }
    if request.verb != "connect":  # the same deed by GET and by POST (K5)
        facts["method"] = frozenset({method})
    if request.namespace:
        facts["namespace"] = frozenset({request.namespace})
    elif request.everywhere and (request.group, request.resource) not in CLUSTER_WIDE:
        facts |= {"namespace": _ANY, "namespace_glob": _ANYTHING}
    if request.name:
        facts["name"] = frozenset({request.name})
    elif request.collection or "write" in request.classes or "escape" in request.classes:
        facts |= {"name": _ANY, "name_glob": _ANYTHING}
    if "escape" in request.classes and request.verb != "connect":
        facts["class_alike"] = WRITES
    if alike := _alike(request):
        facts["verb_alike"] = alike
    if request.dry_run:
        facts["flag"] = frozenset({DRY_RUN})
    return facts


def _alike(request: KubeRequest) -> frozenset[str]:
    """Other verbs' effects: an eviction deletes the pod, an update may create."""
    if (request.resource, request.subresource, request.verb) == ("pods", "eviction", "create"):
        return frozenset({"delete"})
    made = request.verb == "update" and not request.subresource
    return _CREATE if made and (request.group, request.resource) in _MADE_BY_UPDATE else frozenset()


def applied(facts: Facts) -> Facts:
    """The facts of a server-side apply, which creates what is not there."""
    return {**facts, "verb_alike": _CREATE}


def named(facts: Facts, name: str) -> Facts:
    """The facts of a creation, once its body has told the name."""
    return {key: values for key, values in facts.items() if key != "name_glob"} | {"name": frozenset({name})}


def flagged(facts: Facts, dry_run: bool) -> Facts:
    """The facts of a deletion, once its body has told whether it is meant."""
    rest = {key: values for key, values in facts.items() if key != "flag"}
    return {**rest, "flag": frozenset({DRY_RUN})} if dry_run else rest


# -- exec ---------------------------------------------------------------------------------------------------------


def argv_of(request: KubeRequest) -> tuple[str, ...]:
    """The argument vector of an exec: every `command=` in its order. Raises ProtocolError (K14)."""
    for name in _ONCE:
        if len(request.values(name)) > 1:
            raise ProtocolError(f"the parameter {name} stands there twice (K14)")
    argv = request.values("command")
    if not argv:
        raise ProtocolError("exec needs a command (K14)")
    if sum(map(len, argv)) > LONGEST_COMMAND:
        raise ProtocolError("the command is too long to be judged")
    return argv


def flag_of(request: KubeRequest, name: str) -> bool:
    """Whether stdin, stdout, stderr or tty is asked for."""
    values = request.values(name)
    return bool(values) and values[0] not in ("0", "") and values[0].lower() != "false"


def _exec_facts(request: KubeRequest, base: Facts, shell: ShellReader) -> tuple[Facts, ...]:
    return command_facts(argv_of(request), base, shell)


def command_facts(argv: tuple[str, ...], base: Facts, shell: ShellReader) -> tuple[Facts, ...]:
    """What an argument vector does, in the place that `base` tells."""
    known = shell.read(shlex.join(argv).encode("utf-8", "surrogateescape")).facts
    if is_shell(argv):
        return ({**base, **known[0], "class": frozenset({"shell"})},)
    return tuple({**base, **each} for each in known)


def is_shell(argv: tuple[str, ...]) -> bool:
    """Whether it is an interactive shell and no more: what is typed into it is not known yet."""
    program = argv[0].rpartition("/")[2]
    return program in _SHELLS and _INTERACTIVE.issuperset(argv[1:])
