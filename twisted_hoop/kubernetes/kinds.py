"""Kinds of objects that API servers know by themselves: what of them may hold a pod, and what is bytes. Pure.

Sources: the API reference of Kubernetes 1.27 to 1.36. A kind is built in only together with its group: what others
call `Service` is not known here, and may hold anything.
"""

from __future__ import annotations

from typing import Final

_CORE: Final = {
    "bindings": "Binding",
    "componentstatuses": "ComponentStatus",
    "configmaps": "ConfigMap",
    "endpoints": "Endpoints",
    "events": "Event",
    "limitranges": "LimitRange",
    "namespaces": "Namespace",
    "nodes": "Node",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "pods": "Pod",
    "podtemplates": "PodTemplate",
    "replicationcontrollers": "ReplicationController",
    "resourcequotas": "ResourceQuota",
    "secrets": "Secret",
    "serviceaccounts": "ServiceAccount",
    "services": "Service",
}
_GROUPS: Final = {
    "apps": {
        "controllerrevisions": "ControllerRevision",
        "daemonsets": "DaemonSet",
        "deployments": "Deployment",
        "replicasets": "ReplicaSet",
        "statefulsets": "StatefulSet",
    },
    "batch": {"cronjobs": "CronJob", "jobs": "Job"},
    "autoscaling": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "policy": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "authentication.k8s.io": {"tokenreviews": "TokenReview", "selfsubjectreviews": "SelfSubjectReview"},
    "certificates.k8s.io": {"certificatesigningrequests": "CertificateSigningRequest"},
    "coordination.k8s.io": {"leases": "Lease"},
    "discovery.k8s.io": {"endpointslices": "EndpointSlice"},
    "events.k8s.io": {"events": "Event"},
    "networking.k8s.io": {
        "ingressclasses": "IngressClass",
        "ingresses": "Ingress",
        "networkpolicies": "NetworkPolicy",
    },
    "rbac.authorization.k8s.io": {
        "clusterrolebindings": "ClusterRoleBinding",
        "clusterroles": "ClusterRole",
        "rolebindings": "RoleBinding",
        "roles": "Role",
    },
    "scheduling.k8s.io": {"priorityclasses": "PriorityClass"},
    "storage.k8s.io": {
        "csidrivers": "CSIDriver",
        "csinodes": "CSINode",
        "storageclasses": "StorageClass",
        "volumeattachments": "VolumeAttachment",
    },
}
_SUBRESOURCES: Final = {
    ("", "serviceaccounts", "token"): "TokenRequest",
    ("", "pods", "eviction"): "Eviction",
    ("", "pods", "binding"): "Binding",
}
_TEMPLATE: Final = ("spec", "template")
POD_TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Built-in kinds that hold a pod, and where its metadata and spec stand."""
HOLD_ANYTHING: Final = frozenset({"ControllerRevision"})
"""Built-in kinds in which any object may be nested."""
_KINDS: Final = {"": frozenset((*_CORE.values(), "Status", "TokenRequest", "Eviction"))} | {
    group: frozenset(resources.values()) for group, resources in _GROUPS.items()
}
_BYTES: Final = {"Secret": "data", "ConfigMap": "binaryData"}


def kind_of(group: str, resource: str, subresource: str = "") -> str:
    """The kind that a built-in resource answers with; "" for others."""
    if subresource and (group, resource, subresource) in _SUBRESOURCES:
        return _SUBRESOURCES[group, resource, subresource]
    if subresource == "scale":
        return "Scale"
    return (_GROUPS.get(group, {}) if group else _CORE).get(resource, "")


def is_known(kind: str, api_version: str) -> bool:
    """Whether it is a built-in kind all of whose members are known: nothing unexpected is nested in it."""
    group = api_version.rpartition("/")[0]
    return kind in _KINDS.get(group, ()) and kind not in HOLD_ANYTHING


def is_bytes(kind: str, path: str) -> bool:
    """Whether values at this path are bytes, written in base64."""
    member = _BYTES.get(kind)
    return member is not None and path.startswith(member)
