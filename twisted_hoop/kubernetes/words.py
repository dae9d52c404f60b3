"""A request in people's words: for `hoop policy`, the API's and the console's "may I?". Pure.

GET /api/v1/namespaces/shop/secrets          as it goes over the wire
get secrets -n shop                          as kubectl is told: verb, resource, name, -n, -A, -l, -w, -c, -- command
patch deployments.apps/scale web -n shop     resources as rules name them
exec web -n shop -c app -- ls -l
"""

from __future__ import annotations

import shlex
from urllib.parse import quote, urlencode

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.facts import facts_of
from twisted_hoop.kubernetes.kinds import kind_of
from twisted_hoop.kubernetes.requests import read_request
from twisted_hoop.kubernetes.scopes import CLUSTER_WIDE
from twisted_hoop.kubernetes.texts import action_of, text_of
from twisted_hoop.model import Command
from twisted_hoop.shell.reader import ShellReader

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_VERBS = {
    "get": "GET", "list": "GET", "watch": "GET", "describe": "GET", "create": "POST", "update": "PUT",
    "replace": "PUT", "patch": "PATCH", "apply": "PATCH", "edit": "PATCH", "label": "PATCH", "annotate": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETE",
}  # fmt: skip
_POD_VERBS = {"exec": "exec", "attach": "attach", "port-forward": "portforward", "portforward": "portforward",
              "forward": "portforward", "logs": "log", "log": "log", "debug": "ephemeralcontainers"}  # fmt: skip
_COLLECTIONS = frozenset({"list", "watch", "deletecollection"})
_SHORT = {
    "po": "pods", "svc": "services", "deploy": "deployments", "ds": "daemonsets", "sts": "statefulsets",
    "rs": "replicasets", "cm": "configmaps", "ns": "namespaces", "no": "nodes", "pv": "persistentvolumes",
    "pvc": "persistentvolumeclaims", "sa": "serviceaccounts", "ing": "ingresses", "netpol": "networkpolicies",
    "cj": "cronjobs", "hpa": "horizontalpodautoscalers", "ep": "endpoints", "ev": "events",
    "pdb": "poddisruptionbudgets", "csr": "certificatesigningrequests", "sc": "storageclasses",
    "rc": "replicationcontrollers",
}  # fmt: skip
_GROUPS = (
    "", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io",
    "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "scheduling.k8s.io", "authentication.k8s.io",
)  # fmt: skip
_OPTIONS = {"-n": "namespace", "--namespace": "namespace", "-l": "labels", "--selector": "labels",
            "-c": "container", "--container": "container"}  # fmt: skip
_FLAGS = {"-A": "everywhere", "--all-namespaces": "everywhere", "-w": "watch", "--watch": "watch", "-i": "stdin",
          "-t": "tty", "--stdin": "stdin", "--tty": "tty", "--dry-run=server": "dry"}  # fmt: skip


def command_of_words(text: str) -> Command:
    """The command that a request would be. ValueError for what is none, with what to write."""
    method, path, query = _wire(text)
    try:
        request = read_request(method.encode(), path.encode(), query.encode())
        facts = facts_of(request, method, ShellReader())
    except ProtocolError as error:
        raise ValueError(str(error)) from None
    return Command(action_of(request), text_of(request, method, path, query), facts)


def _wire(text: str) -> tuple[str, str, str]:
    method, _, target = text.strip().partition(" ")
    if method in _METHODS and target.startswith("/"):
        path, _, query = target.strip().partition("?")
        return method, path, query
    return _spoken(*_sorted(text))


def _sorted(text: str) -> tuple[list[str], dict[str, str], list[str]]:
    """(words, options, argument vector)."""
    head, dashes, tail = text.partition(" -- ")
    words: list[str] = []
    options: dict[str, str] = {}
    given = iter(shlex.split(head))
    for word in given:
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            options[_FLAGS[word]] = "true"
        elif name in _OPTIONS:
            options[_OPTIONS[name]] = value if equals else next(given, "")
        elif word.startswith("-") and len(word) == 3 and set(word[1:]) == {"i", "t"}:
            options |= {"stdin": "true", "tty": "true"}
        elif word.startswith("-"):
            raise ValueError(f"{word} says nothing here: write verb, resource, name, -n, -A, -l, -w or -c")
        else:
            words.append(word)
    return words[1:] if words[:1] == ["kubectl"] else words, options, shlex.split(tail) if dashes else []


def _spoken(words: list[str], options: dict[str, str], argv: list[str]) -> tuple[str, str, str]:
    verb = words[0] if words else ""
    if verb in _POD_VERBS and len(words) == 2:
        name = words[1].removeprefix("pods/").removeprefix("pod/")
        method = "PATCH" if verb == "debug" else "GET" if _POD_VERBS[verb] == "log" else "POST"
        return method, _path("", "pods", _POD_VERBS[verb], name, options), _query(options, argv)
    if verb == "scale" and len(words) in (2, 3):
        verb, words = "patch", [verb, words[1], *words[2:], "--scale"]
    if verb not in _VERBS or not 2 <= len(words) <= 4:
        raise ValueError("write a request (GET /api/v1/…) or a command of kubectl (get secrets -n shop)")
    return _about(verb, words[1:], options, argv)


def _about(verb: str, words: list[str], options: dict[str, str], argv: list[str]) -> tuple[str, str, str]:
    scaled = "--scale" in words
    words = [word for word in words if word != "--scale"]
    if words[0] == "token" and verb == "create" and len(words) == 2:
        words = ["serviceaccounts/token", words[1]]
    group, resource, subresource, name = _resource(words[0])
    name = words[1] if len(words) > 1 else name
    if verb == "watch":
        options["watch"] = "true"
    if name and verb in _COLLECTIONS:
        raise ValueError(f"{verb} is about no single name: leave {name} out")
    if verb == "create" and not subresource:
        name = ""
    path = _path(group, resource, "scale" if scaled else subresource, name, options)
    return _VERBS[verb], path, _query(options, argv)


def _resource(word: str) -> tuple[str, str, str, str]:
    """(group, resource, subresource, name) of `deployments.apps/scale`, `po`, `deploy/web`."""
    whole, _, behind = word.partition("/")
    plain, _, group = whole.partition(".")
    resource = _plural(plain) if not group else plain
    if not group:
        group = _group(resource)
    is_name = behind != "" and behind not in _SUBRESOURCES
    return group, resource, "" if is_name else behind, behind if is_name else ""


_SUBRESOURCES = frozenset({
    "exec", "attach", "portforward", "proxy", "log", "token", "scale", "status", "ephemeralcontainers", "eviction",
    "approval", "binding", "finalize", "resize",
})  # fmt: skip


def _plural(word: str) -> str:
    forms = (_SHORT.get(word, word), f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies")
    return next((form for form in forms if any(kind_of(group, form) for group in _GROUPS)), word)


def _group(resource: str) -> str:
    for group in _GROUPS:
        if kind_of(group, resource):
            return group
    found = [group for group, name in sorted(CLUSTER_WIDE) if name == resource]
    if not found:
        raise ValueError(f"{resource} is not known by itself: write it with its group, {resource}.example.com")
    return found[0]


def _path(group: str, resource: str, subresource: str, name: str, options: dict[str, str]) -> str:
    parts = ["apis", group, "v1"] if group else ["api", "v1"]
    whole_cluster = (group, resource) in CLUSTER_WIDE or "everywhere" in options
    if not whole_cluster:
        parts += ["namespaces", options.get("namespace", "default")]
    parts += [resource, *([name] if name else []), *([subresource] if subresource else [])]
    return "/" + "/".join(quote(part, safe=":@$&+,=!*'()~") for part in parts)


def _query(options: dict[str, str], argv: list[str]) -> str:
    pairs = [("command", word) for word in argv]
    names = {"container": "container", "stdin": "stdin", "tty": "tty", "watch": "watch", "labels": "labelSelector"}
    pairs += [(names[key], value) for key, value in options.items() if key in names]
    return urlencode(pairs + ([("dryRun", "All")] if "dry" in options else []))
