"""JSON-Patch that reads what is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_bodies import hiding
from twisted_hoop.kubernetes.patches import HiddenPlaces

PLACES = ("Secret/data/.*", "Secret/stringData/.*", "Pod/env/.*_TOKEN", "Widget/spec/key")


def refused(kind: str, *operations: dict[str, Any], names: tuple[str, ...] = ()) -> str:
    made = hiding(*PLACES, names=names)
    places = made.places.of(kind) if kind else made.places.of_resource("widgets")
    look = HiddenPlaces(kind, places, made.places.of("Pod"), made.fields, made.places.of("Secret"))
    return look.refused(list(operations))


def reads(pointer: str) -> list[dict[str, Any]]:
    """Every operation that reads it."""
    return [
        {"op": "copy", "from": pointer, "path": "/metadata/labels/a"},
        {"op": "move", "from": pointer, "path": "/metadata/labels/a"},
        {"op": "test", "path": pointer, "value": "x"},
    ]


@pytest.mark.parametrize(
    ("kind", "pointer"),
    [
        ("Secret", "/data/password"),
        ("Secret", "/data"),
        ("Secret", ""),
        ("Secret", "/data/tls~1key"),
        ("Secret", "/metadata"),
        ("Secret", "/metadata/annotations"),
        ("Secret", "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"),
        ("Pod", "/spec/containers/0/env/0/value"),
        ("Pod", "/spec/containers/0/env/0"),
        ("Pod", "/spec/containers/0/env"),
        ("Pod", "/spec/containers/0"),
        ("Pod", "/spec/containers"),
        ("Pod", "/spec"),
        ("Deployment", "/spec/template/spec/containers/0/env/1/value"),
        ("Deployment", "/spec/template"),
        ("Deployment", ""),
        ("", "/spec/key"),
        ("", "/spec"),
        ("Pod", "/spec/containers/-1"),
        ("Pod", "/spec/containers/+0"),
        ("Deployment", "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"),
        ("Secret", "/metadata/annotations/copied"),
        ("ControllerRevision", "/data/spec/template/spec/containers/0/env/0/value"),
        ("ControllerRevision", "/data"),
        ("", "/spec/pods/0/containers/-1"),
        ("", "/spec/pods"),
        ("", "/spec/manifests/0/data/password"),
        ("", "/spec/manifests/0/stringData"),
    ],
)
def test_what_is_hidden_is_not_read(kind: str, pointer: str) -> None:
    """M10: copied to where it is shown, or tried by guessing."""
    for operation in reads(pointer):
        assert operation["op"] in refused(kind, {"op": "add", "path": "/metadata/labels/b", "value": "c"}, operation)


@pytest.mark.parametrize(
    ("kind", "pointer"),
    [
        ("Secret", "/metadata/labels/a"),
        ("Secret", "/metadata/resourceVersion"),
        ("Secret", "/type"),
        ("Pod", "/spec/containers/0/image"),
        ("Pod", "/metadata/labels"),
        ("ConfigMap", "/data/a"),
        ("ConfigMap", ""),
        ("", "/status"),
        ("", "/metadata/finalizers"),
        ("Pod", "/spec/containers/-1/image"),
    ],
)
def test_the_rest_may_be_read(kind: str, pointer: str) -> None:
    assert refused(kind, *reads(pointer)) == ""


@pytest.mark.parametrize("index", ["0", "12", "-1", "+0", "00", "-0", "-"])
@pytest.mark.parametrize("below", ["", "/token", "/token/a", "/ports/443/key"])
def test_elements_of_lists_are_where_the_mask_says(index: str, below: str) -> None:
    """M10: by whatever number, of the element or of what stands in it."""
    made = hiding("Widget/spec/items/token", "Widget/spec/items/ports/443/key")
    look = HiddenPlaces("ConfigMap", made.places.of("Widget"), made.places.of("Pod"), None)
    for operation in reads(f"/spec/items/{index}{below}"):
        assert operation["op"] in look.refused([operation])
    assert look.refused(reads("/spec/plain/" + "0/" * 7 + "x")[:1])
    assert not look.refused(reads(f"/spec/plain/{index}{below}")[:1])


def test_what_only_writes() -> None:
    operations = [{"op": op, "path": "/data/password", "value": "eA=="} for op in ("add", "replace", "remove")]
    assert refused("Secret", *operations) == ""


def test_members_by_name() -> None:
    assert refused("ConfigMap", *reads("/data/db_password")) == ""
    assert refused("ConfigMap", *reads("/data/db_password"), names=("db_password",))
    assert refused("ConfigMap", *reads(""), names=("db_password",))


@given(st.recursive(st.none() | st.text(max_size=6), lambda i: st.lists(i) | st.dictionaries(st.text(max_size=4), i)))
def test_patches_of_any_shape(thing: Any) -> None:
    made = hiding(*PLACES)
    look = HiddenPlaces("Secret", made.places.of("Secret"), made.places.of("Pod"), None)
    look.refused(thing)
    look.refused([{"op": "test", "path": thing}, {"op": thing, "from": "/data"}, thing])


@pytest.mark.parametrize("kind", ["Pod", "Deployment", ""])
def test_a_hidden_variable_keeps_its_name(kind: str) -> None:
    """M10: by its name it is known that its value is hidden."""
    for pointer in ("/spec/containers/0/env/0/name", "/spec/template/spec/containers/0/env/-1/name"):
        for step in ({"op": "replace", "value": "PLAIN"}, {"op": "add", "value": "PLAIN"}, {"op": "remove"}):
            assert "is hidden" in refused(kind, {**step, "path": pointer})
    assert not refused(kind, {"op": "replace", "path": "/spec/containers/0/name", "value": "x"})
    assert not refused("Secret", {"op": "replace", "path": "/spec/env/0/name", "value": "x"})
    assert not refused(kind, {"op": "replace", "path": 7, "value": "x"})
