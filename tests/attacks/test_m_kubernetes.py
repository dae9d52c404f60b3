"""Attacks on masks over Kubernetes: every form a Secret comes in, and what a hidden value must not do to a real one."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from tests.support.kube import protobuf
from tests.support.kube.place import PLAIN, KubePlace
from tests.support.kube.raw import Reply, ask, exec_path, executed, upgrade
from tests.support.kube.samples import config_map, pod, secret

VALUE = "correct horse battery staple"
LABEL = {"kept": "yes"}


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    running.apply(labelled("leaky"), config_map("told", password=VALUE, other="seen"), pod("box"))
    yield running
    running.gone()


def labelled(name: str, value: str = VALUE) -> dict[str, object]:
    """A Secret that selectors find. kubectl apply writes it whole into an annotation, too."""
    found = secret(name, password=value)
    return {**found, "metadata": {"name": name, "labels": LABEL}}


def path_of(place: KubePlace, rest: str) -> str:
    return f"/api/v1/namespaces/{place.namespace}/{rest}"


def leaks(data: bytes) -> bool:
    """Whether the value can be read: as it is, or in base64 at any offset, packed or not."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    forms = [VALUE.encode()]
    for shift in range(3):
        packed = base64.b64encode(b"\0" * shift + VALUE.encode())
        forms.append(packed[4 if shift else 0 : -4])
    return any(form in data for form in forms)


def real(place: KubePlace, name: str) -> str:
    """What a Secret holds in truth."""
    found = place.api.ask("GET", path_of(place, f"secrets/{name}"))
    return base64.b64decode(found["data"]["password"]).decode()


JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTS = [
    "",
    JSON,
    "*/*",
    "application/*",
    f"{PROTOBUF},{JSON}",
    PROTOBUF,
    f"{PROTOBUF};q=1,{JSON};q=0.1",
    "application/yaml",
    f"application/yaml,{JSON};q=0.5",
    "application/cbor",
    f"{JSON};q=0.9,application/cbor;q=1",
    f"{JSON};as=Table;v=v1;g=meta.k8s.io",
    f"{JSON};as=Table;v=v1;g=meta.k8s.io,{JSON}",
    f"{JSON};as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    f"{JSON};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    f"{PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io,{JSON}",
    f"{PROTOBUF.upper()},{JSON}",
    f"application/json , {PROTOBUF} ;q=1",
]
FORMS = [
    "secrets/leaky",
    "secrets",
    "secrets?labelSelector=kept%3Dyes",
    "secrets/leaky?pretty=1",
    "secrets?limit=1",
    "secrets?includeObject=Object",
    "secrets/leaky?includeObject=Object",
    "secrets?watch=1&timeoutSeconds=1&resourceVersion=0",
    "secrets?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    "secrets?watch=1&timeoutSeconds=1&resourceVersion=0&includeObject=Object",
]


@pytest.mark.parametrize("form", FORMS)
def test_m10_a_secret_is_hidden_in_every_form(place: KubePlace, form: str) -> None:
    """M10: JSON, Table, metadata only, protobuf, CBOR, YAML; one, many, watched; last-applied-configuration too."""
    # Watches take a second each to end: the forms of Accept that matter there suffice.
    accepts = ACCEPTS if "watch" not in form else [PROTOBUF, JSON, ACCEPTS[11]]
    for accept in accepts:
        more = {"Accept": accept} if accept else {}
        found = ask(place, "GET", path_of(place, form), **more)
        assert not leaks(found.body), (accept, found)
        assert found.status in (200, 406), (accept, found)
        if found.status == 200:
            assert found.headers["content-type"].partition(";")[0] == JSON, accept


def test_m10_the_server_itself_would_have_told(place: KubePlace) -> None:
    """M10: the forms above are no idle talk: past the gateway each of them shows the value."""
    for accept in (JSON, PROTOBUF, "application/yaml", ACCEPTS[11], ACCEPTS[13]):
        found = ask(place, "GET", path_of(place, "secrets/leaky"), target=PLAIN, Accept=accept)
        body = json.dumps(found.json).encode() if found.body[:1] == b"{" else found.body
        last = "last-applied" in found.body.decode("latin-1")
        assert leaks(body) or (last and base64.b64encode(VALUE.encode()) in body), (accept, found)


def test_m10_metadata_alone_hides_what_was_applied(place: KubePlace) -> None:
    """M10: the annotation stays JSON, so that apply goes on working, without the value."""
    found = ask(place, "GET", path_of(place, "secrets/leaky"), Accept=ACCEPTS[13])
    applied = found.json["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(applied)["kind"] == "Secret" and not leaks(applied.encode())
    assert "managedFields" in found.json["metadata"]


def test_m10_a_watch_hides_what_changes(place: KubePlace) -> None:
    """M10: MODIFIED and DELETED events as well, and bookmarks go through."""
    place.api.ask("POST", path_of(place, "secrets"), labelled("moving"))
    version = place.api.ask("GET", path_of(place, "secrets"))["metadata"]["resourceVersion"]
    patch = {"data": {"more": base64.b64encode(VALUE.encode()).decode()}}
    merge = "application/merge-patch+json"
    place.api.ask("PATCH", path_of(place, "secrets/moving"), patch, Content_Type=merge)
    place.api.ask("DELETE", path_of(place, "secrets/moving"))
    query = f"watch=1&timeoutSeconds=4&resourceVersion={version}"
    found = ask(place, "GET", path_of(place, f"secrets?{query}"))
    events = [json.loads(line) for line in found.body.splitlines()]
    assert [each["type"] for each in events] == ["MODIFIED", "DELETED"] and not leaks(found.body)


@pytest.mark.parametrize("dry", ["", "?dryRun=All"])
def test_m10_answers_to_writes_hide_it(place: KubePlace, dry: str) -> None:
    """M10: POST, PATCH and DELETE answer with the object, and so do their dry runs."""
    name = f"written{'-dry' if dry else ''}"
    created = ask(place, "POST", path_of(place, f"secrets{dry}"), labelled(name))
    assert created.status == 201 and not leaks(created.body)
    label = {"metadata": {"labels": {"a": "b"}, "finalizers": ["hoop.test/kept"]}}
    merge = "application/merge-patch+json"
    patched = ask(place, "PATCH", path_of(place, f"secrets/leaky{dry or '?dryRun=All'}"), label, Content_Type=merge)
    assert patched.status == 200 and not leaks(patched.body)
    if not dry:
        ask(place, "PATCH", path_of(place, f"secrets/{name}"), label, Content_Type=merge)
    deleted = ask(place, "DELETE", path_of(place, f"secrets/{name if not dry else 'leaky'}{dry}"))
    assert deleted.status == 200 and not leaks(deleted.body)


def test_m10_a_protobuf_body_is_taken_and_its_answer_hidden(place: KubePlace) -> None:
    """M10: kubectl creates Secrets by protobuf: that works, and what comes back is JSON without the value."""
    body = protobuf.encode(labelled("packed"))
    found = ask(place, "POST", path_of(place, "secrets"), body, Content_Type=PROTOBUF, Accept=f"{PROTOBUF},{JSON}")
    assert found.status == 201 and not leaks(found.body) and found.json["kind"] == "Secret"
    assert real(place, "packed") == VALUE


def test_m10_members_of_config_maps_by_rule(place: KubePlace) -> None:
    """M10: places in other objects, as the configuration names them; everything else is seen."""
    found = ask(place, "GET", path_of(place, "configmaps/told"))
    assert not leaks(found.body) and found.json["data"]["other"] == "seen"
    assert not leaks(ask(place, "GET", path_of(place, "configmaps")).body)


def test_m10_errors_that_quote_values(place: KubePlace) -> None:
    """M10: a JSON Patch whose test fails is told with what is there; not to those from whom it is hidden."""
    test = [{"op": "test", "path": "/data/password", "value": "x"}]
    body, kind = json.dumps(test).encode(), "application/json-patch+json"
    past = ask(place, "PATCH", path_of(place, "secrets/leaky"), body, target=PLAIN, Content_Type=kind)
    assert leaks(past.body), "the API server quotes it"
    found = ask(place, "PATCH", path_of(place, "secrets/leaky"), body, Content_Type=kind)
    assert found.status >= 400 and not leaks(found.body)


def test_m10_kubectl_sees_the_same(place: KubePlace) -> None:
    """M10: and kubectl works with it: get in all its outputs, describe."""
    for arguments in (("-o", "yaml"), ("-o", "json"), ("-o", "wide"), ("-o", "jsonpath={.data}")):
        shown = place.kubectl("get", "secret", "leaky", *arguments, target="masked").well()
        assert not leaks(shown.encode())
    assert "password:" in place.kubectl("describe", "secret", "leaky", target="masked").well()


def test_m10_a_gzipped_list_is_read_all_the_same(place: KubePlace) -> None:
    """M10: the API server packs large answers for whoever takes gzip, and nobody would see into them."""
    for number in range(3):
        place.api.ask("POST", path_of(place, "secrets"), labelled(f"large-{number}", VALUE + "x" * 60_000))
    found = ask(place, "GET", path_of(place, "secrets"), Accept_Encoding="gzip")
    assert found.status == 200 and not leaks(found.body)
    packed = ask(place, "GET", path_of(place, "secrets"), target=PLAIN, Accept_Encoding="gzip")
    assert packed.headers.get("content-encoding") == "gzip"


# -- M11: what is hidden must not take the place of what is there ---------------------------------------------------


def refused(found: Reply) -> None:
    """Refused with a Status that says why."""
    assert found.status == 422 and "masked" in found.json["message"], found


def test_m11_replacing_with_what_was_seen_is_refused(place: KubePlace) -> None:
    """M11: `kubectl get -o yaml`, a change, `kubectl replace`: the real value stays, the message says which field."""
    place.apply(labelled("replaced"))
    shown = place.kubectl("get", "secret", "replaced", "-o", "yaml", target="masked").well()
    told = place.kubectl("replace", "-f", "-", target="masked", stdin=shown.replace("kept:", "changed:")).failed()
    assert "data.password" in told or "data[password]" in told
    assert real(place, "replaced") == VALUE


@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
def test_m11_read_modify_write_of_programs_is_refused(place: KubePlace, kind: str) -> None:
    """M11: programs read, change a label, and put it back: as JSON or as protobuf, which carries decoded values."""
    name = f"put-{kind[-4:]}"
    place.api.ask("POST", path_of(place, "secrets"), labelled(name))
    item = ask(place, "GET", path_of(place, f"secrets/{name}")).json
    item["metadata"]["labels"] = {"changed": "yes"}
    body = protobuf.encode(item) if kind == PROTOBUF else json.dumps(item).encode()
    refused(ask(place, "PUT", path_of(place, f"secrets/{name}"), body, Content_Type=kind))
    assert real(place, name) == VALUE


APPLIES = ["application/apply-patch+yaml", "application/merge-patch+json", "application/strategic-merge-patch+json"]


@pytest.mark.parametrize("kind", APPLIES)
@pytest.mark.parametrize("written", ["json", "yaml"])
def test_m11_patches_with_a_hidden_value_are_refused(place: KubePlace, kind: str, written: str) -> None:
    """M11: server-side apply (as JSON and as YAML) and both merge patches, by force as well."""
    name = f"patched-{APPLIES.index(kind)}-{written}"
    place.api.ask("POST", path_of(place, "secrets"), labelled(name))
    item = ask(place, "GET", path_of(place, f"secrets/{name}")).json
    item["metadata"] = {"name": name}
    body = json.dumps(item) if written == "json" else yaml.safe_dump(item)
    path = path_of(place, f"secrets/{name}?fieldManager=x&force=true")
    found = ask(place, "PATCH", path, body.encode(), Content_Type=kind)
    # A Secret as YAML may be one that the cluster fills with a token: another class, which no rule allows (K12).
    assert found.status == 422 or (found.status in (400, 403, 415) and written == "yaml"), found
    assert real(place, name) == VALUE


def test_m11_a_hidden_value_in_another_field_or_object_is_refused(place: KubePlace) -> None:
    """M11: as stringData, in a new Secret, in a ConfigMap: wherever it would be taken for the real one."""
    shown = ask(place, "GET", path_of(place, "secrets/leaky")).json["data"]["password"]
    clear = base64.b64decode(shown).decode()
    refused(ask(place, "POST", path_of(place, "secrets"), {**secret("copy"), "stringData": {"password": clear}}))
    refused(ask(place, "POST", path_of(place, "secrets"), {**secret("copy"), "data": {"other": shown}}))
    refused(ask(place, "POST", path_of(place, "configmaps"), config_map("copy", a=f"before {clear} after")))
    text = yaml.safe_dump(config_map("copy", a=clear)).encode()
    path = path_of(place, "configmaps/copy?fieldManager=x&force=true")
    refused(ask(place, "PATCH", path, text, Content_Type="application/apply-patch+yaml"))


@pytest.mark.parametrize("operation", ["copy", "move", "test"])
def test_m11_json_patch_cannot_carry_or_compare_it(place: KubePlace, operation: str) -> None:
    """M11, M10: copy and move take the real value to where it is seen; test is an oracle for it."""
    where = {"path": "/metadata/annotations/leak", "from": "/data/password"}
    if operation == "test":
        where = {"path": "/data/password", "value": base64.b64encode(VALUE.encode()).decode()}
    note = {"op": "add", "path": "/metadata/annotations", "value": {}}
    body = json.dumps([note, {"op": operation, **where}]).encode()
    found = ask(place, "PATCH", path_of(place, "secrets/leaky"), body, Content_Type="application/json-patch+json")
    assert found.status in (403, 422) and not leaks(found.body)
    assert "leak" not in place.api.ask("GET", path_of(place, "secrets/leaky"))["metadata"].get("annotations", {})
    assert real(place, "leaky") == VALUE


def test_m11_what_leaves_the_value_alone_works(place: KubePlace) -> None:
    """M11: labels, an apply of the original, an edit of something else: allowed, and the value stays."""
    place.kubectl("label", "secret", "leaky", "more=yes", target="masked").well()
    place.apply(labelled("leaky"), target="masked")
    text = '{"stringData":{"other":"new"}}'
    place.kubectl("patch", "secret", "leaky", "--type=merge", "-p", text, target="masked").well()
    assert real(place, "leaky") == VALUE


def test_m10_what_is_printed_in_a_container_is_text(place: KubePlace) -> None:
    """M10: exec and logs are text: detectors look into it, places in objects say nothing about it."""
    line = "Sec-WebSocket-Protocol: v5.channel.k8s.io"
    answer, came = executed(place, upgrade(place, exec_path(place, "box", "echo", "seen"), line))
    assert answer.status == 101 and (1, b"seen\n") in came
