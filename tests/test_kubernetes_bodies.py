"""What of an API server's answers is hidden, asked for, and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kube_bodies import (
    JSON,
    answer,
    answered,
    asked,
    b64,
    bodies,
    compact,
    encodings,
    is_sentinel,
    secret,
    shown,
    status_of,
    through,
    written,
)
from tests.support.streams import SIZES, cut
from twisted_hoop.http.dialect import BodyRefused
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.settings import MaskSection

SECRET = "hunter2-very-secret"
CARD = "4111 1111 1111 1111"
CARDS = MaskSection(name="cards", detect=["card"], fields=["card_number"], strategy="partial")
ONLY_CARDS = MaskSection(name="cards", detect=["card"], objects=[])
INWARD = MaskSection(name="in", detect=["card"], direction="request", action="deny")
LOG = "GET /api/v1/namespaces/default/pods/p/log?follow=true"


def refused(line: str, told: str, *masks: MaskSection, encoding: str = "identity") -> dict[str, Any]:
    """What the client is told at once."""
    with pytest.raises(BodyRefused) as caught:
        answered(line, answer(told, content_encoding=encoding), *masks)
    return status_of(caught.value)


def accepted(line: str, accept: str = "", *masks: MaskSection) -> dict[bytes, bytes]:
    """What is asked for."""
    request, head = asked(line)
    told = ((b"accept", accept.encode()),) if accept else ()
    given = RequestHead(head.method, head.path, head.query, b"h", (*told, (b"accept-encoding", b"gzip")))
    return dict(bodies(*masks).accept(request, given))


@pytest.mark.parametrize("line", ["GET /api/v1/secrets", "GET /api/v1/pods/p", "POST /apis/x.example/v1/widgets"])
def test_json_is_asked_for(line: str) -> None:
    """M10: whatever the client would rather have."""
    for accept in ("", "*/*", "application/yaml", "application/vnd.kubernetes.protobuf,application/json"):
        assert accepted(line, accept) == {b"accept": b"application/json", b"accept-encoding": b"identity"}


def test_what_is_asked_for_in_other_places() -> None:
    openapi = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    assert accepted("GET /openapi/v2", openapi) == {b"accept": openapi.encode(), b"accept-encoding": b"gzip"}
    proxied = accepted("GET /api/v1/namespaces/d/services/s/proxy/x", "text/html")
    assert proxied == {b"accept": b"text/html", b"accept-encoding": b"identity"}
    assert b"json" in accepted(LOG, "application/json, */*")[b"accept"]
    assert accepted("GET /api/v1/pods", "application/yaml", INWARD)[b"accept"] == b"application/yaml"


def test_tables_of_what_is_not_built_in_are_not_asked_for_where_they_may_tell() -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    mask = MaskSection(name="m", objects=["Widget/spec/key"])
    assert b"Table" in accepted("GET /api/v1/secrets", table)[b"accept"]
    assert b"Table" in accepted("GET /apis/x.example/v1/widgets", table)[b"accept"]
    assert b"Table" not in accepted("GET /apis/x.example/v1/widgets", table, mask)[b"accept"]
    assert b"Table" in accepted("GET /apis/x.example/v1/gadgets", table, mask)[b"accept"]


def test_secrets_are_hidden_whichever_mask_applies() -> None:
    for masks in ((), (CARDS,), (MaskSection(name="m", fields=["x"]),)):
        assert is_sentinel(shown("GET /api/v1/namespaces/d/secrets/s", secret(), *masks)["data"]["password"])
    assert shown("GET /api/v1/namespaces/d/secrets/s", secret(), ONLY_CARDS) == secret()


def test_by_what_comes_back_not_by_what_was_asked_for() -> None:
    """M10: answers to writes and their dry runs, and a Secret where nobody expects one."""
    for line in (
        "POST /api/v1/namespaces/d/secrets?dryRun=All",
        "PATCH /api/v1/namespaces/d/secrets/s?dryRun=All",
        "DELETE /api/v1/namespaces/d/secrets/s",
        "DELETE /api/v1/namespaces/d/secrets",
        "GET /apis/x.example/v1/things",
        "GET /api/v1/nodes/n/proxy/pods",
    ):
        assert is_sentinel(shown(line, secret())["data"]["password"])


def test_a_token_that_is_made() -> None:
    """K12: the answer is a credential."""
    thing = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": {"token": "ey.x.y"}}
    answered_with = shown("POST /api/v1/namespaces/d/serviceaccounts/a/token", thing)
    assert is_sentinel(answered_with["status"]["token"])


def test_detectors_look_at_all_of_it_and_leave_sentinels() -> None:
    """M10, M11: what they find can be written back no more than what stands in a Secret."""
    thing = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"note": f"paid by {CARD}", "card_number": "x-17"}}
    told = shown("GET /api/v1/namespaces/d/configmaps/c", thing, CARDS)
    assert CARD not in json.dumps(told) and told["data"]["note"].startswith("paid by @masked:v1:")
    assert "1111@" in told["data"]["note"] and is_sentinel(told["data"]["card_number"])
    with pytest.raises(BodyRefused):
        written("PUT /api/v1/namespaces/d/configmaps/c", JSON, compact(told), CARDS)
    looked = answered("GET /api/v1/configmaps", answer(), CARDS)
    through(looked, compact(thing))
    assert looked is not None and looked.masked == 2


def test_logs_are_text() -> None:
    """M10: and follow line by line."""
    looked = answered(LOG, answer("text/plain"), CARDS)
    assert looked is not None
    assert looked.feed(f"started\ncard {CARD[:9]}".encode()) == b"started\n"
    assert looked.feed(f'{CARD[9:]}\n{{"card_number": "x-17"}}\n'.encode()).startswith(b"card ****")
    assert b"x-17" not in looked.flush()
    assert through(answered(LOG, answer(JSON, 404), CARDS), compact({"kind": "Status", "message": CARD})).count(
        b"@masked"
    )


def test_what_cannot_be_read_does_not_pass() -> None:
    """M10: protobuf, CBOR and YAML are refused while masks apply, packed answers as well."""
    for told in ("application/vnd.kubernetes.protobuf", "application/cbor", "application/yaml", "text/plain", ""):
        assert refused("GET /api/v1/secrets", told)["code"] == 406
    assert refused("GET /api/v1/secrets", JSON, encoding="gzip")["code"] == 502
    assert refused(LOG, "application/vnd.kubernetes.protobuf", CARDS)["code"] == 502
    for data in (b"{", b"k8s\x00\x0a", b'{"a":1}x', b"\xff"):
        with pytest.raises(BodyRefused) as caught:
            through(answered("GET /api/v1/secrets", answer()), data)
        assert status_of(caught.value)["code"] == 502


def test_errors_of_those_between_are_text() -> None:
    assert through(answered("GET /api/v1/x", answer("text/plain", 404), CARDS), b"404 page not found\n")
    assert answered("GET /api/v1/secrets", answer("text/plain", 503)) is None  # no mask of this one reads text
    empty = answer("", 200, Framing.LENGTH)
    assert answered("GET /api/v1/secrets", empty) is None


def test_an_answer_without_a_body_tells_no_length() -> None:
    looked = answered("HEAD /api/v1/secrets", answer(framing=Framing.NONE))
    assert looked is not None and looked.flush() == b""


def test_discovery_is_nobodys_data() -> None:
    for line in ("GET /apis", "GET /version", "GET /openapi/v3", "GET /readyz"):
        assert answered(line, answer("application/vnd.kubernetes.protobuf")) is None


def test_what_is_behind_proxies_is_read_by_its_type() -> None:
    line = "GET /api/v1/namespaces/d/services/s/proxy/orders.csv"
    body = f"id,card_number\n1,{CARD}\n".encode()
    assert CARD.encode() not in through(answered(line, answer("text/csv"), CARDS), body)
    assert answered(line, answer("image/png"), CARDS) is None
    assert refused(line, "application/cbor", CARDS)["code"] == 502


def test_releases_of_helm_as_the_target_says() -> None:
    line = "GET /api/v1/namespaces/d/secrets/sh.helm.release.v1.app.v1"
    thing = {**secret("sh.helm.release.v1.app.v1"), "type": "helm.sh/release.v1"}
    assert is_sentinel(shown(line, thing)["data"]["password"])
    assert shown(line, thing, helm_releases="allow") == thing
    with pytest.raises(BodyRefused):
        answered(line, answer(), helm_releases="deny")
    listing = "GET /api/v1/namespaces/d/secrets?labelSelector=owner%3Dhelm"
    with pytest.raises(BodyRefused):
        answered(listing, answer(), helm_releases="deny")
    with pytest.raises(BodyRefused):
        written(line.replace("GET", "PUT"), JSON, compact(thing), helm_releases="deny")
    everything = {"kind": "SecretList", "apiVersion": "v1", "items": [thing]}
    assert is_sentinel(shown("GET /api/v1/secrets", everything, helm_releases="deny")["items"][0]["data"]["password"])
    written("POST /api/v1/namespaces/d/secrets", JSON, compact(thing), helm_releases="allow")


def test_nothing_is_done_where_no_mask_applies() -> None:
    request, head = asked()
    assert bodies().response_body(request, head, answer(), ()) is None
    assert bodies(INWARD).request_body(request, head, ()) is None
    assert answered("GET /api/v1/secrets", answer(), INWARD) is None


def test_a_body_that_is_packed_is_not_looked_into() -> None:
    request, _ = asked("PUT /api/v1/namespaces/d/secrets/s")
    head = RequestHead(b"PUT", b"/", b"", b"h", ((b"content-encoding", b"gzip"),), Framing.CHUNKED)
    looked = bodies().request_body(request, head, ())
    with pytest.raises(BodyRefused) as caught:
        through(looked, b"x")
    assert status_of(caught.value)["code"] == 415


PARTS = st.sampled_from([SECRET, CARD, "x", '"', "\\", "é", "\u2028", "},{", " "])
TEXTS = st.lists(PARTS, max_size=5).map("|".join)


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), TEXTS, max_size=3),
    st.lists(TEXTS, max_size=3),
    SIZES,
    st.booleans(),
)
@settings(max_examples=150)
def test_no_value_leaves_in_any_encoding(
    values: dict[str, str], notes: list[str], sizes: list[int], ascii_only: bool
) -> None:
    """M3, M10: Secrets by their place, cards wherever they stand; what leaves is JSON."""
    things = [
        {**secret(f"s{n}"), "data": {k: b64(v) for k, v in values.items()}, "stringData": values} for n in range(3)
    ]
    things += [{"kind": "ConfigMap", "apiVersion": "v1", "data": {"note": note.replace(SECRET, "")}} for note in notes]
    data = json.dumps({"kind": "List", "apiVersion": "v1", "items": things}, ensure_ascii=ascii_only).encode()
    told = through(answered("GET /api/v1/secrets", answer(), CARDS), *cut(data, sizes))
    assert len(json.loads(told)["items"]) == len(things)
    assert not any(each in told for value in (SECRET, CARD) for each in encodings(value))


@pytest.mark.parametrize(
    "selector", ["spec.key%3Dguess", "metadata.name%3Da,.spec.key!%3Dguess", "spec.pin%3D%3D1", "x%3D1,spec.pin%3D1"]
)
@pytest.mark.parametrize("line", ["GET /apis/x.io/v1/widgets?", "GET /apis/x.io/v1/widgets?watch=1&"])
def test_M10_objects_are_not_picked_by_what_is_hidden(line: str, selector: str) -> None:
    """M10: custom resources have `selectableFields`; a list that is empty tells that a guess was wrong."""
    mask = MaskSection(name="m", objects=["Widget/spec/key"], fields=["pin"])
    with pytest.raises(BodyRefused, match="field selector") as caught:
        answered(f"{line}fieldSelector={selector}", answer(), mask)
    assert status_of(caught.value)["code"] == 403
    for other in ("metadata.name%3Dkey", "spec.node%3Dspec.key", "status.phase!%3DRunning"):
        assert answered(f"{line}fieldSelector={other}", answer(), mask) is not None
