"""Who asks, as whom, and whether they may: tokens, client certificates, impersonation, RBAC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.kube.errors import ApiError, Json
from tests.support.kube.store import Store
from tests.support.kube.wire import Request

MASTERS = "system:masters"


@dataclass(frozen=True)
class User:
    """Somebody."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Attributes:
    """What is asked, as authorisers see it."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Access:
    """Authentication and authorisation."""

    def __init__(self, store: Store, tokens: dict[str, User]) -> None:
        self._store = store
        self.tokens = tokens

    def authenticate(self, request: Request, certificate: Any) -> User:
        """Whom a request is from; 401 when nobody."""
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme.lower() == "bearer" and token.strip() in self.tokens:
            return _known(self.tokens[token.strip()])
        subject = [pair for names in (certificate or {}).get("subject", ()) for pair in names]
        names = [str(value) for key, value in subject if key == "commonName"]
        if names and not token:
            return _known(User(names[0], tuple(str(value) for key, value in subject if key == "organizationName")))
        raise ApiError(401, "Unauthorized", "Unauthorized")

    def impersonated(self, request: Request, user: User) -> User:
        """As whom they want to be seen."""
        given = [(n.lower(), v) for n, v in request.raw_headers if n.lower().startswith("impersonate-")]
        if not given:
            return user
        names = [value for name, value in given if name == "impersonate-user"]
        if not names or not names[0]:
            raise ApiError(400, "BadRequest", f"requested {given} without impersonating a user")
        if not self.may(user, Attributes("impersonate", "", "users", name=names[0])):
            raise self.forbidden(user, Attributes("impersonate", "", "users", name=names[0]))
        extra: dict[str, list[str]] = {}
        for name, value in given:
            if name.startswith("impersonate-extra-"):
                extra.setdefault(name.removeprefix("impersonate-extra-"), []).append(value)
        groups = tuple(value for name, value in given if name == "impersonate-group")
        uid = next((value for name, value in given if name == "impersonate-uid"), "")
        return _known(User(names[0], groups, uid, extra))

    def may(self, user: User, asked: Attributes) -> bool:
        """RBAC over the roles in the store; discovery and reviews of oneself are everybody's."""
        if MASTERS in user.groups or asked.resource.startswith("selfsubject"):
            return True
        if asked.path:
            return asked.verb == "get"
        for namespaced in (False, True) if asked.namespace else (False,):
            where = asked.namespace if namespaced else ""
            bindings = self._store.named("RoleBinding" if namespaced else "ClusterRoleBinding")
            for binding in self._store.find(bindings, where):
                if any(_is(subject, user) for subject in binding.get("subjects", ())):
                    rules = self._rules(binding["roleRef"], where)
                    if any(_allows(rule, asked) for rule in rules):
                        return True
        return False

    def _rules(self, reference: Json, namespace: str) -> list[Json]:
        try:
            kind = self._store.named(reference["kind"])
            role = self._store.get(kind, namespace if kind.namespaced else "", reference["name"])
        except ApiError:
            return []
        return list(role.get("rules") or ())

    def forbidden(self, user: User, asked: Attributes) -> ApiError:
        """403 in the words of the real one."""
        what = asked.resource + (f"/{asked.subresource}" if asked.subresource else "")
        where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
        said = f'User "{user.name}" cannot {asked.verb} resource "{what}" in API group "{asked.group}"{where}'
        name = f' "{asked.name}"' if asked.name else ""
        message = f"{asked.resource}{name} is forbidden: {said}"
        return ApiError(403, "Forbidden", message, {"name": asked.name, "group": asked.group, "kind": asked.resource})


def _known(user: User) -> User:
    groups = user.groups if "system:authenticated" in user.groups else (*user.groups, "system:authenticated")
    return User(user.name, groups, user.uid, user.extra)


def _is(subject: Json, user: User) -> bool:
    if subject["kind"] == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace', '')}:{subject['name']}"
    return subject["name"] in user.groups if subject["kind"] == "Group" else subject["name"] == user.name


def _allows(rule: Json, asked: Attributes) -> bool:
    resource = asked.resource + (f"/{asked.subresource}" if asked.subresource else "")

    def listed(field: str, value: str) -> bool:
        return "*" in rule.get(field, ()) or value in rule.get(field, ())

    names = rule.get("resourceNames", ())
    return (
        listed("verbs", asked.verb)
        and listed("apiGroups", asked.group)
        and listed("resources", resource)
        and (not names or asked.name in names)
    )
