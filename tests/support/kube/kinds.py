"""The kinds the server knows: those of a usual cluster, and those that CustomResourceDefinitions add."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.kube.errors import Json

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Kind:
    """One resource of one version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    columns: tuple[tuple[str, str], ...] = ()
    """(name, JSON path) of a custom resource's printer columns."""

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full(self) -> str:
        """`pods`, `deployments.apps`: how messages call it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> tuple[str, str]:
        """Objects are stored by it: versions of a group share them."""
        return (self.group, self.plural)

    @property
    def root(self) -> str:
        """The path of its version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


_ALL = ("all",)
_SCALED = ("scale", "status")
_ASK = ("create",)
_POD = (
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "log",
    "portforward",
    "proxy",
    "resize",
    "status",
)


def usual_kinds() -> list[Kind]:
    """What every cluster has."""
    return [*_core(), *_apps(), *_access(), *_others()]


def _core() -> list[Kind]:
    def core(plural: str, kind: str, *short: str, namespaced: bool = True, subs: tuple[str, ...] = ()) -> Kind:
        return Kind("", "v1", plural, kind, namespaced, short, subs)

    return [
        core("namespaces", "Namespace", "ns", namespaced=False, subs=("finalize", "status")),
        Kind("", "v1", "pods", "Pod", True, ("po",), _POD, _ALL),
        Kind("", "v1", "services", "Service", True, ("svc",), ("proxy", "status"), _ALL),
        core("configmaps", "ConfigMap", "cm"),
        core("secrets", "Secret"),
        core("serviceaccounts", "ServiceAccount", "sa", subs=("token",)),
        core("nodes", "Node", "no", namespaced=False, subs=("proxy", "status")),
        core("events", "Event", "ev"),
        core("endpoints", "Endpoints", "ep"),
        core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subs=("status",)),
        core("persistentvolumes", "PersistentVolume", "pv", namespaced=False, subs=("status",)),
        core("podtemplates", "PodTemplate"),
        core("limitranges", "LimitRange", "limits"),
        core("resourcequotas", "ResourceQuota", "quota", subs=("status",)),
        Kind("", "v1", "replicationcontrollers", "ReplicationController", True, ("rc",), _SCALED, _ALL),
    ]


def _apps() -> list[Kind]:
    return [
        Kind("apps", "v1", "deployments", "Deployment", True, ("deploy",), _SCALED, _ALL),
        Kind("apps", "v1", "replicasets", "ReplicaSet", True, ("rs",), _SCALED, _ALL),
        Kind("apps", "v1", "statefulsets", "StatefulSet", True, ("sts",), _SCALED, _ALL),
        Kind("apps", "v1", "daemonsets", "DaemonSet", True, ("ds",), ("status",), _ALL),
        Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
        Kind("batch", "v1", "jobs", "Job", True, (), ("status",), _ALL),
        Kind("batch", "v1", "cronjobs", "CronJob", True, ("cj",), ("status",), _ALL),
        Kind(
            "autoscaling",
            "v2",
            "horizontalpodautoscalers",
            "HorizontalPodAutoscaler",
            True,
            ("hpa",),
            ("status",),
            _ALL,
        ),
        Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",), ("status",)),
    ]


def _access() -> list[Kind]:
    rbac, ask = "rbac.authorization.k8s.io", "authorization.k8s.io"
    return [
        Kind(rbac, "v1", "roles", "Role"),
        Kind(rbac, "v1", "rolebindings", "RoleBinding"),
        Kind(rbac, "v1", "clusterroles", "ClusterRole", False),
        Kind(rbac, "v1", "clusterrolebindings", "ClusterRoleBinding", False),
        Kind(ask, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=_ASK),
        Kind(ask, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", False, verbs=_ASK),
        Kind(ask, "v1", "subjectaccessreviews", "SubjectAccessReview", False, verbs=_ASK),
        Kind("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False, verbs=_ASK),
        Kind("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False, verbs=_ASK),
        Kind(
            "certificates.k8s.io",
            "v1",
            "certificatesigningrequests",
            "CertificateSigningRequest",
            False,
            ("csr",),
            ("approval", "status"),
        ),
    ]


def _others() -> list[Kind]:
    admission = "admissionregistration.k8s.io"
    return [
        Kind("networking.k8s.io", "v1", "ingresses", "Ingress", True, ("ing",), ("status",)),
        Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, ("netpol",)),
        Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", False, ("sc",)),
        Kind("coordination.k8s.io", "v1", "leases", "Lease"),
        Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False, ("pc",)),
        Kind(admission, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False),
        Kind(admission, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False),
        Kind(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            False,
            ("crd", "crds"),
            ("status",),
        ),
    ]


def custom_kinds(definition: Json) -> list[Kind]:
    """What a CustomResourceDefinition adds, a kind for each served version."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Kind(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            spec.get("scope") == "Namespaced",
            tuple(names.get("shortNames", ())),
            tuple(version.get("subresources", {})),
            tuple(names.get("categories", ())),
            columns=tuple((each["name"], each["jsonPath"]) for each in version.get("additionalPrinterColumns", ())),
        )
        for version in spec.get("versions", ())
        if version.get("served", True)
    ]
