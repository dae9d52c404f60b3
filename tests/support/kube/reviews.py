"""Objects that are questions: who am I, may I, is this token good; and tokens that are asked for."""

from __future__ import annotations

import secrets

from tests.support.kube.access import Access, Attributes, User
from tests.support.kube.errors import ApiError, Json
from tests.support.kube.places import Place


def review(access: Access, user: User, place: Place, item: Json) -> Json:
    """The answer to a review."""
    spec = item.get("spec") or {}
    match place.kind.kind:
        case "SelfSubjectReview":
            status: Json = {"userInfo": _told(user)}
        case "SelfSubjectAccessReview" | "SubjectAccessReview":
            who = user if "user" not in spec else User(spec["user"], tuple(spec.get("groups", ())))
            status = {"allowed": access.may(who, _asked(spec)), "reason": ""}
        case "SelfSubjectRulesReview":
            rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            allowed = access.may(user, Attributes("*", "*", "*", namespace=spec.get("namespace", "")))
            status = {"resourceRules": [rule] if allowed else [], "nonResourceRules": [], "incomplete": False}
        case "TokenReview":
            found = access.tokens.get(spec.get("token", ""))
            status = {"authenticated": found is not None, **({"user": _told(found)} if found else {})}
        case other:
            raise ApiError(404, "NotFound", f"no review {other}")
    about = {"kind": place.kind.kind, "apiVersion": place.kind.api_version, "metadata": item.get("metadata") or {}}
    return {**about, "spec": spec, "status": status}


def token_request(access: Access, place: Place, item: Json) -> Json:
    """serviceaccounts/NAME/token: a token that works."""
    token = f"token-of-{place.namespace}-{place.name}-{secrets.token_hex(8)}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{place.namespace}")
    access.tokens[token] = User(f"system:serviceaccount:{place.namespace}:{place.name}", groups)
    status = {"token": token, "expirationTimestamp": "2099-01-01T00:00:00Z"}
    about = {"name": place.name, "namespace": place.namespace, "creationTimestamp": None}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": about}
    return {**head, "spec": item.get("spec") or {}, "status": status}


def _told(user: User) -> Json:
    told: Json = {"username": user.name, "groups": list(user.groups)}
    return {**told, "uid": user.uid, "extra": user.extra} if user.extra or user.uid else told


def _asked(spec: Json) -> Attributes:
    path = spec.get("nonResourceAttributes")
    if path:
        return Attributes(path["verb"], path=path["path"])
    asked = spec.get("resourceAttributes") or {}
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(*(str(asked.get(field, "")) for field in fields))
