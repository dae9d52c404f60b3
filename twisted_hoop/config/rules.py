"""Rules and masks that cannot do what they say are refused when they are loaded: a rule that is never met because of a
slip of the pen is a door that somebody believes to be closed (C5, C8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from twisted_hoop.config.draft import Draft, closest
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.masking.patterns import BUILT_IN
from twisted_hoop.masking.places import problem_with_place
from twisted_hoop.policy.patterns import Patterns, is_plain, problem_with, problem_with_regexp
from twisted_hoop.policy.what import CLASSES, FLAGS, NONE, VERBS
from twisted_hoop.policy.windows import parse_hours, zone_named
from twisted_hoop.settings import MaskSection, RuleSection

_RULE_PATTERNS = (
    "issuers", "subjects", "groups", "except_groups", "actors", "delegated_by", "targets", "protocols", "classes",
    "statements", "schemas", "tables", "columns", "functions", "flags",
    "programs", "commands", "arguments", "paths", "destinations",
    "methods", "hosts", "content_types", "verbs", "resources", "api_groups", "namespaces", "names",
)  # fmt: skip
_MAY_BE_NONE = (
    "schemas", "tables", "columns", "functions", "arguments", "paths", "destinations", "content_types", "namespaces",
    "names",
)  # fmt: skip
_MASK_PATTERNS = ("targets", "groups", "except_groups", "columns", "fields")
_ONLY_REVIEW = ("approvers", "approvals", "valid", "uses", "wait")


def check_rules(draft: Draft) -> Iterator[Problem]:
    """Everything that is wrong with rules that are well formed."""
    vocabulary = _vocabulary(draft)
    masks = draft.names("masks")
    for number, rule in draft.rules:
        key: Key = ("rules", number)
        for name in _RULE_PATTERNS:
            yield from patterns((*key, name), getattr(rule, name), none=rule.effect == "allow" and name in _MAY_BE_NONE)
        for label, pattern in rule.labels.items():
            yield from patterns((*key, "labels", label), [pattern])
        for name, known in vocabulary.items():
            yield from _known((*key, name), getattr(rule, name), known)
        yield from _never_met(key, rule)
        yield from _masks_of(key, rule, masks)
        yield from _times(key, rule)
        yield from _review(key, rule)


def check_masks(draft: Draft) -> Iterator[Problem]:
    """Everything that is wrong with masks that are well formed."""
    targets = draft.names("targets")
    for number, mask in draft.masks:
        key: Key = ("masks", number)
        for name in _MASK_PATTERNS:
            yield from patterns((*key, name), getattr(mask, name))
        for place, pattern in enumerate(mask.patterns):
            if why := problem_with_regexp(pattern):
                yield Problem((*key, "patterns", place), why)
        for place, pattern in enumerate(mask.objects):
            if why := problem_with_place(pattern):
                yield Problem((*key, "objects", place), why)
        yield from _known((*key, "targets"), mask.targets, targets)
        yield from _known((*key, "detect"), mask.detect, sorted(BUILT_IN), only_plain=False)
        yield from _mask(key, mask)


def patterns(key: Key, given: Sequence[str], none: bool = False) -> Iterator[Problem]:
    """The patterns of a list that cannot be used (C8: RE2 only, C5: refused at load); `none`: "" has a meaning."""
    for number, pattern in enumerate(given):
        if none and pattern == NONE:
            continue
        if why := problem_with(pattern):
            yield Problem((*key, number), why)


def _vocabulary(draft: Draft) -> dict[str, Sequence[str]]:
    """What the patterns of some keys choose from, so that one that chooses nothing can be told."""
    people = (*draft.names("saml"), *draft.names("saml", "entity_id"))
    issuers = [*draft.names("issuers"), *draft.names("issuers", "issuer"), *people, draft.gateway.name]
    return {
        "targets": draft.names("targets"),
        "issuers": issuers,
        "classes": sorted(CLASSES),
        "flags": sorted(FLAGS),
        "verbs": sorted(VERBS),
        "protocols": ["postgres", "ssh", "http", "kubernetes"],
    }


def _known(key: Key, given: Iterable[str], known: Sequence[str], only_plain: bool = True) -> Iterator[Problem]:
    for number, pattern in enumerate(given):
        if only_plain and problem_with(pattern):
            continue
        if pattern not in known and (not only_plain or is_plain(pattern) or not Patterns([pattern]).any_of(known)):
            hint = closest(pattern, known) or f"write one of {', '.join(known[:30]) or 'nothing: there are none'}"
            yield Problem((*key, number), f"there is no {pattern!r}: {hint}")


def _never_met(key: Key, rule: RuleSection) -> Iterator[Problem]:
    """Plain text that no fact of a shell command, a forward or a request is ever equal to (C5)."""
    for name, (met, advice) in _SHAPES.items():
        for number, pattern in enumerate(getattr(rule, name)):
            if pattern != NONE and is_plain(pattern) and not met(pattern):
                yield Problem((*key, name, number), f"{pattern!r} is never met: {advice}")


def _is_canonical(path: str) -> bool:
    whole = path in ("/", "~") or (path.startswith(("/", "~")) and not path.endswith("/"))
    return whole and "//" not in path and not {".", ".."} & set(path.split("/"))


_SINGULAR = frozenset({
    "po", "pod", "svc", "service", "secret", "configmap", "cm", "deployment", "deploy", "node", "namespace", "ns",
    "job", "cronjob", "role", "rolebinding", "serviceaccount", "sa", "ingress", "daemonset", "statefulset", "event",
})  # fmt: skip
_SHAPES: dict[str, tuple[Callable[[str], bool], str]] = {
    "programs": (lambda text: not any(map(str.isspace, text)), "write one word here, and whole lines under commands"),
    "paths": (_is_canonical, "paths begin with / or ~/ and have no `.`, `..`, `//` or slash at their end"),
    "destinations": (lambda text: ":" in text, "write host:port, or unix:/path"),
    "resources": (
        lambda text: text == text.lower() and text not in _SINGULAR,
        "resources are lower-case plurals: pods, pods/exec, deployments.apps",
    ),
    "api_groups": (lambda text: "/" not in text and text != "v1", 'write the group without its version; "core" for v1'),
}


def _masks_of(key: Key, rule: RuleSection, known: Sequence[str]) -> Iterator[Problem]:
    for number, name in enumerate(rule.masks):
        if name not in known:
            yield Problem((*key, "masks", number), f"no mask has this name. {closest(name, known)}".strip())
    if rule.masks and rule.effect == "deny":
        yield Problem((*key, "masks"), "a denial admits nothing that could be masked: remove it")


def _times(key: Key, rule: RuleSection) -> Iterator[Problem]:
    try:
        parse_hours(rule.hours)
    except ValueError as error:
        yield Problem((*key, "hours"), str(error))
    try:
        zone_named(rule.timezone)
    except ValueError as error:
        yield Problem((*key, "timezone"), str(error))
    if "timezone" in rule.model_fields_set and not rule.hours and not rule.days:
        yield Problem((*key, "timezone"), "says nothing without hours or days: write those, or remove it")


def _review(key: Key, rule: RuleSection) -> Iterator[Problem]:
    if rule.effect == "review":
        if not rule.approvers:
            yield Problem((*key, "approvers"), "is missing: name the groups of which people may decide")
        if rule.valid <= 0:
            yield Problem((*key, "valid"), 'must be longer than nothing: write "15m"')
        return
    for name in _ONLY_REVIEW:
        if name in rule.model_fields_set:
            yield Problem((*key, name), 'belongs to effect = "review": remove it, or change the effect')


def _mask(key: Key, mask: MaskSection) -> Iterator[Problem]:
    objects = mask.objects if "objects" in mask.model_fields_set else []
    if not (mask.columns or mask.fields or mask.detect or mask.patterns or objects):
        yield Problem(key, "hides nothing: write columns, fields, objects, detect or patterns")
    if mask.direction == "request" and objects:
        yield Problem(
            (*key, "objects"), 'belongs to direction = "response": what goes in is found by detect or patterns'
        )
    if mask.direction == "request" and mask.sentinels == "restore":
        yield Problem((*key, "sentinels"), 'belongs to direction = "response": it puts back what answers hide')
    if mask.direction == "response" and mask.action != "mask":
        yield Problem((*key, "action"), 'belongs to direction = "request": responses can only be masked')
    if mask.action == "review" and not mask.approvers:
        yield Problem((*key, "approvers"), "is missing: name the groups of which people may decide")
    if mask.approvers and mask.action != "review":
        yield Problem((*key, "approvers"), 'belongs to action = "review": remove it, or change the action')
