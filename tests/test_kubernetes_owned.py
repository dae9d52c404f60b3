"""What stands in managedFields of what is hidden."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_bodies import objects
from twisted_hoop.kubernetes.owned import hide_owned

SECRET = "hunter2-very-secret"
OWNED: dict[str, Any] = {
    "f:spec": {
        "f:tokens": {".": {}, f'v:"{SECRET}"': {}},
        "f:users": {f'k:{{"id":1,"token":"{SECRET}"}}': {".": {}, "f:id": {}}, f"k:{SECRET}": {}},
        "f:args": {f'v:"{SECRET}"': {}},
        "f:plain": {'v:"a"': {}, 'k:{"id":1}': {"f:id": {}}},
    },
    "f:metadata": {"f:finalizers": {'v:"example.com/f"': {}}},
}
LEFT: dict[str, Any] = {
    "f:spec": {"f:tokens": {".": {}}, "f:users": {}, "f:args": {}, "f:plain": OWNED["f:spec"]["f:plain"]},
    "f:metadata": OWNED["f:metadata"],
}


def widget() -> dict[str, Any]:
    metadata = {"name": "w", "managedFields": [{"manager": "m", "fieldsV1": json.loads(json.dumps(OWNED))}, 1]}
    return {"kind": "Widget", "apiVersion": "x/v1", "metadata": metadata}


def shown(thing: dict[str, Any], *patterns: str, names: tuple[str, ...] = ()) -> Any:
    found = objects(*patterns, line="GET /apis/x/v1/widgets", names=names)
    found.hide(thing, "")
    return thing["metadata"]["managedFields"][0]["fieldsV1"]


def test_M10_values_of_sets_and_keys_of_lists_are_not_told_by_who_owns_them() -> None:
    """M10: `kubectl get --show-managed-fields` read what the mask hides in the object itself."""
    assert shown(widget(), "Widget/spec/tokens", "Widget/spec/users/token", "Pod/args") == LEFT
    assert shown(widget(), "Pod/args", names=("token", "tokens")) == LEFT


def test_the_rest_stays() -> None:
    assert shown(widget(), "Widget/spec/other")["f:spec"]["f:plain"] == OWNED["f:spec"]["f:plain"]
    assert hide_owned({"managedFields": [{"fieldsV1": 7}, None]}, lambda place, name: True) == 0
    assert hide_owned({}, lambda place, name: True) == 0


@given(
    st.recursive(
        st.none() | st.text(max_size=5), lambda i: st.lists(i) | st.dictionaries(st.text(alphabet="fkv:{}"), i)
    )
)
def test_of_any_shape(thing: Any) -> None:
    hide_owned({"managedFields": thing}, lambda place, name: True)
    hide_owned({"managedFields": [{"fieldsV1": thing}]}, lambda place, name: True)
