"""What is hidden in an object by its kind, wherever its kind is told."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kube_bodies import LAST_APPLIED, b64, compact, encodings, is_sentinel, objects, secret
from twisted_hoop.kubernetes.objects import is_release

SECRET = "hunter2-very-secret"
PLACES = ("Secret/data/.*", "Secret/stringData/.*", "Pod/env/.*_TOKEN", "Pod/args", "*/annotations/example.com/key")
ENV = [{"name": "CI_TOKEN", "value": SECRET}, {"name": "MODE", "value": "fast"}, {"name": "X_TOKEN", "valueFrom": {}}]


def hidden(thing: Any, *patterns: str, line: str = "GET /api/v1/secrets", kind: str = "", **more: Any) -> Any:
    """The thing as it is shown; it is not changed itself."""
    shown = copy.deepcopy(thing)
    objects(*(patterns or PLACES), line=line, **more).hide(shown, kind, raw=compact(thing))
    return shown


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "env": ENV}], **spec}}


def test_values_of_a_secret() -> None:
    shown = hidden({**secret(), "stringData": {"a": "clear"}, "type": "Opaque"})
    assert is_sentinel(shown["data"]["password"]) and not shown["data"]["password"].startswith("@")
    assert shown["stringData"]["a"].startswith("@masked:v1:")
    assert shown["type"] == "Opaque" and shown["metadata"] == secret()["metadata"]


def test_a_sentinel_is_that_of_the_object_in_its_version() -> None:
    first, again = hidden(secret()), hidden(secret(password="something else"))
    assert first["data"] == again["data"]  # it tells nothing of the value, or a dry run would
    others = [hidden(secret(resourceVersion="18")), hidden(secret(name="t")), hidden(secret(namespace="kube-system"))]
    assert len({each["data"]["password"] for each in (first, *others)}) == 4


@pytest.mark.parametrize(
    ("kind", "api", "wrap"),
    [
        ("Pod", "v1", lambda p: p),
        ("PodTemplate", "v1", lambda p: {"template": p}),
        ("ReplicationController", "v1", lambda p: {"spec": {"template": p}}),
        ("Deployment", "apps/v1", lambda p: {"spec": {"template": p}}),
        ("StatefulSet", "apps/v1", lambda p: {"spec": {"template": p}}),
        ("Job", "batch/v1", lambda p: {"spec": {"template": p}}),
        ("CronJob", "batch/v1", lambda p: {"spec": {"jobTemplate": {"spec": {"template": p}}}}),
        ("ControllerRevision", "apps/v1", lambda p: {"data": {"spec": {"template": p}}}),
        ("Rollout", "argoproj.io/v1alpha1", lambda p: {"spec": {"template": p}}),
        ("Service", "serving.knative.dev/v1", lambda p: {"spec": {"template": p}}),
        ("Workflow", "argoproj.io/v1alpha1", lambda p: {"spec": {"steps": [p["spec"]["containers"][0]]}}),
    ],
)  # fmt: skip
def test_variables_of_pods_and_of_whatever_makes_pods(kind: str, api: str, wrap: Any) -> None:
    thing = {"kind": kind, "apiVersion": api, "metadata": {"name": "a"}, **wrap(pod())}
    shown = hidden(thing)
    assert SECRET not in json.dumps(shown) and '"fast"' in json.dumps(shown)
    assert json.dumps(shown).count("@masked:v1:") == 1


@pytest.mark.parametrize("name", ["initContainers", "ephemeralContainers"])
def test_every_kind_of_container(name: str) -> None:
    thing = {"kind": "Pod", "apiVersion": "v1", **pod(**{name: [{"env": ENV, "args": ["-p", SECRET]}]})}
    shown = hidden(thing)["spec"][name][0]
    assert SECRET not in json.dumps(shown) and shown["env"][1]["value"] == "fast" and len(shown["args"]) == 2


def test_the_last_applied_configuration_stays_json() -> None:
    """It holds the object once more; `kubectl apply` parses it (M10)."""
    applied = json.dumps(secret(), separators=(",", ":")) + "\n"
    shown = hidden(secret(annotations={LAST_APPLIED: applied, "other": "x"}))
    inner = json.loads(shown["metadata"]["annotations"][LAST_APPLIED])
    assert inner["data"] == shown["data"] and inner["kind"] == "Secret"
    assert shown["metadata"]["annotations"][LAST_APPLIED].endswith("}\n")
    assert shown["metadata"]["annotations"]["other"] == "x"


def test_what_is_no_json_there_is_hidden_whole() -> None:
    shown = hidden(secret(annotations={LAST_APPLIED: '{"data":{"password":"' + b64(SECRET)}))
    assert is_sentinel(shown["metadata"]["annotations"][LAST_APPLIED])


@pytest.mark.parametrize("copied", [SECRET, b64(SECRET), f"the password is {SECRET}!"])
def test_copies_of_a_value_in_annotations(copied: str) -> None:
    shown = hidden(secret(annotations={"note": copied, "plain": "nothing"}))
    assert is_sentinel(shown["metadata"]["annotations"]["note"])
    assert shown["metadata"]["annotations"]["plain"] == "nothing"


def test_a_secret_of_many_values_keeps_no_annotation_but_what_is_json() -> None:
    """K10: searching for each of ten thousand values in each annotation would take long."""
    many = {f"k{n}": b64(f"value-{n}") for n in range(10_000)}
    thing = {**secret(annotations={"a": "x" * 100_000, LAST_APPLIED: json.dumps(secret())}), "data": many}
    shown = hidden(thing)["metadata"]["annotations"]
    assert is_sentinel(shown["a"]) and json.loads(shown[LAST_APPLIED])["kind"] == "Secret"


def test_annotations_inside_annotations_end_somewhere() -> None:
    thing = secret()
    for _ in range(6):
        thing = secret(annotations={"a": json.dumps(thing)})
    shown = json.dumps(hidden(thing))
    assert not any(each.decode() in shown for each in encodings(SECRET))


def test_annotations_by_name_also_of_templates() -> None:
    template = {"metadata": {"annotations": {"example.com/key": SECRET}}, "spec": {}}
    for thing in (
        {"kind": "Pod", "apiVersion": "v1", "metadata": template["metadata"]},
        {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {}, "spec": {"template": template}},
        {"kind": "Widget", "apiVersion": "example.com/v1", "spec": {"template": template}},
    ):
        assert SECRET not in json.dumps(hidden(thing))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"kind": "SecretList", "apiVersion": "v1", "items": [s]},
        lambda s: {"kind": "List", "apiVersion": "v1", "items": [s]},
        lambda s: {"type": "MODIFIED", "object": s},
        lambda s: {"type": "ADDED", "object": {"kind": "SecretList", "items": [s]}},
        lambda s: {"kind": "Table", "rows": [{"cells": ["s", "Opaque", 1, "5d"], "object": s}]},
        lambda s: {"kind": "ManifestWork", "apiVersion": "work.example/v1", "spec": {"manifests": [s]}},
        lambda s: {"kind": "Template", "apiVersion": "template.example/v1", "objects": [s]},
        lambda s: {"kind": "Bundle", "apiVersion": "x.example/v1", "spec": {"kind": "Secret", "data": s["data"]}},
        lambda s: {"kind": "Bundle", "apiVersion": "x.example/v1", "spec": {"kind": "Service", "spec": {"x": s}}},
        lambda s: [s],
    ],
)
def test_a_secret_wherever_it_comes(wrap: Any) -> None:
    shown = json.dumps(hidden(wrap(secret()), line="GET /apis/x.example/v1/things"))
    assert b64(SECRET) not in shown and "masked" in shown.replace("QG1hc2tlZDp2", "masked")


def test_items_that_do_not_say_their_kind() -> None:
    """As in lists of built-in kinds."""
    bare = {key: value for key, value in secret().items() if key not in ("kind", "apiVersion")}
    shown = hidden({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [bare]})
    assert is_sentinel(shown["items"][0]["data"]["password"])
    assert is_sentinel(hidden(bare, kind="Secret")["data"]["password"])


def test_metadata_alone_holds_it_too() -> None:
    """PartialObjectMetadata, as in Tables and metadata informers: the last applied configuration is there (M10)."""
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    partial["metadata"] = {"name": "s", "annotations": {LAST_APPLIED: json.dumps(secret())}}  # type: ignore[assignment]
    table = {"kind": "Table", "columnDefinitions": [], "rows": [{"cells": ["s"], "object": partial}]}
    for thing in (partial, {"kind": "PartialObjectMetadataList", "items": [partial]}, table):
        assert b64(SECRET) not in json.dumps(hidden(thing))


def test_cells_of_what_is_not_built_in() -> None:
    columns = [{"name": n, "format": "name" if n == "Name" else ""} for n in ("Name", "Key", "Age")]
    table = {"kind": "Table", "columnDefinitions": columns, "rows": [{"cells": ["w", SECRET, "5d"], "object": None}]}
    line = "GET /apis/example.com/v1/widgets"
    looked = objects("Widget/spec/key", line=line)
    looked.hide(table, "")
    assert SECRET not in json.dumps(table)
    assert table["rows"][0]["cells"][::2] == ["w", "5d"]  # type: ignore[index]
    later = {"kind": "Table", "columnDefinitions": None, "rows": [{"cells": ["w", SECRET, "5d"], "object": None}]}
    looked.hide(later, "")  # of a watch, only the first has columns
    assert SECRET not in json.dumps(later) and later["rows"][0]["cells"][0] == "w"  # type: ignore[index]
    other = {"kind": "Table", "columnDefinitions": columns, "rows": [{"cells": ["w", SECRET, "5d"]}]}
    assert SECRET in json.dumps(hidden(other, "Widget/spec/key", line="GET /apis/example.com/v1/gadgets"))


def test_members_by_name() -> None:
    thing = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "data": {"db_password": SECRET, "app.json": json.dumps({"db_password": SECRET, "n": 1})},
        "binaryData": {"db_password": b64(SECRET)},
        "spec": {"deep": [{"db_password": 17, "on": True}]},
    }
    shown = hidden(thing, "none/x", names=("db_password",))
    assert SECRET not in json.dumps(shown) and b64(SECRET) not in json.dumps(shown)
    assert shown["spec"]["deep"] == [{"db_password": 0, "on": True}] and is_sentinel(shown["binaryData"]["db_password"])
    assert json.loads(shown["data"]["app.json"])["n"] == 1
    variables = {"kind": "Pod", "apiVersion": "v1", **pod()}
    assert SECRET not in json.dumps(hidden(variables, "none/x", names=("CI_TOKEN",)))


@pytest.mark.parametrize("strategy", ["redact", "partial", "hash", "null"])
def test_every_strategy_leaves_a_sentinel_of_the_right_form(strategy: str) -> None:
    """Null as well: what is not there could be written back and would not be noticed (M11)."""
    shown = hidden(secret(password=SECRET * 2), "Secret/data/.*", strategy=strategy)["data"]["password"]
    assert is_sentinel(shown) and b64(SECRET)[:16] not in shown


def test_releases_of_helm() -> None:
    release = {**secret("sh.helm.release.v1.app.v1"), "type": "helm.sh/release.v1"}
    labels = {"owner": "helm", "name": "app"}
    stored = {"kind": "ConfigMap", "metadata": {"name": "sh.helm.release.v1.app.v1", "labels": labels}, "data": {}}
    assert is_release(release, "Secret") and is_release(stored, "ConfigMap") and not is_release(secret(), "Secret")
    assert is_sentinel(hidden(release)["data"]["password"])
    assert hidden(release, releases=True) == release and hidden(secret(), releases=True) != secret()


def test_what_a_status_quotes() -> None:
    status = {
        "kind": "Status",
        "status": "Failure",
        "reason": "BadRequest",
        "message": f'json: cannot unmarshal, error found in #10 byte of ...|{{"password":"{b64(SECRET)}"|...',
    }
    assert b64(SECRET) not in json.dumps(hidden(status)) and "cannot unmarshal" in json.dumps(hidden(status))
    assert hidden(status, "Secret/data/.*", line="GET /api/v1/nodes/a") == status  # nothing of a Node is hidden


def test_what_is_plain() -> None:
    looked = objects(*PLACES[:3])
    assert looked.plain("Node", "v1") and looked.plain("Service", "v1")
    assert not any(looked.plain(*each) for each in (("Secret", "v1"), ("Pod", "v1"), ("Service", "x.dev/v1")))
    assert not objects("none/x", names=("a",)).plain("Node", "v1")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "data", "metadata", "items", "annotations", "env", "x"]), inner)
    ),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=150)
def test_whatever_shape_it_has(thing: Any) -> None:
    """Nothing fails, and a Secret in it is hidden."""
    shown = hidden({"kind": "Thing", "apiVersion": "x.example/v1", "spec": {"a": thing, "b": [secret(), thing]}})
    assert b64(SECRET) not in json.dumps(shown)
    hidden(thing, kind="Secret")
    hidden({"kind": "Pod", "apiVersion": "v1", "metadata": thing, "spec": {"containers": [thing]}})
