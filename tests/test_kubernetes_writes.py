"""What may be written while masks hide something."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_bodies import LAST_APPLIED, compact, secret, shown, status_of, written
from tests.support.kube_protobuf import enveloped, secret_message
from twisted_hoop.http.dialect import BodyRefused
from twisted_hoop.kubernetes.protobuf import MAGIC
from twisted_hoop.kubernetes.sentinels import Sentinels
from twisted_hoop.kubernetes.writes import LONGEST
from twisted_hoop.settings import MaskSection

PUT = "PUT /api/v1/namespaces/default/secrets/s"
PATCH = "PATCH /api/v1/namespaces/default/secrets/s"
WORD = Sentinels(b"k" * 32, "prod").general
DENIED = MaskSection(name="no-cards", detect=["card"], direction="request", action="deny")
CARD = "4111 1111 1111 1111"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY, PATCHES = "application/apply-patch+yaml", "application/json-patch+json"


def refused(line: str, told: str, body: bytes, *masks: MaskSection) -> dict[str, Any]:
    """What the client is told."""
    with pytest.raises(BodyRefused) as caught:
        written(line, told, body, *masks)
    return status_of(caught.value)


def test_what_was_shown_is_not_written_back() -> None:
    """M11: the message says which field."""
    told = refused(PUT, "application/json", compact(shown("GET " + PUT[4:], secret())))
    assert (
        told["code"] == 422 and told["reason"] == "Invalid" and "data.password holds a masked value" in told["message"]
    )
    assert told["details"]["causes"][0]["field"] == "data.password"


@pytest.mark.parametrize(
    ("told", "body", "place"),
    [
        (MERGE, compact({"data": {"a": WORD.encoded}}), "data.a"),
        (STRATEGIC, compact({"stringData": {"a": f"x={WORD.text}"}}), "stringData.a"),
        (MERGE, compact({"metadata": {"annotations": {LAST_APPLIED: json.dumps({"data": {"a": WORD.encoded}})}}}),
         f"metadata.annotations[{LAST_APPLIED}]"),
        (STRATEGIC, compact({"spec": {"containers": [{"env": [{"name": "T", "value": WORD.text}]}]}}),
         "spec.containers[0].env[0].value"),
        (PATCHES, compact([{"op": "add", "path": "/data/b", "value": WORD.encoded}]), "data.b"),
        (APPLY, f"data:\n  password: {WORD.encoded}\n".encode(), "password"),
        (APPLY, compact({"data": {"password": WORD.encoded}}), "data.password"),
        ("application/vnd.kubernetes.protobuf", enveloped("Secret", secret_message(data={"p": WORD.text.encode()})),
         "data.p"),
        ("application/json", compact({"data": {"f": base64.b64encode(b"k: @masked:v1:x@").decode()}}), "data.f"),
    ],
)  # fmt: skip
def test_in_every_form_a_body_has(told: str, body: bytes, place: str) -> None:
    line = PUT if told.startswith("application/json") and "patch" not in told else PATCH
    assert f"field {place} holds" in refused(line, told, body)["message"]


def test_what_is_not_hidden_goes_on_as_it_is() -> None:
    for told, body in (
        ("application/json", compact(secret())),
        (MERGE, b'{"data":{"a":null}}'),
        ("application/vnd.kubernetes.protobuf", enveloped("Secret", secret_message(data={"p": b"x"}))),
        (APPLY, b"data: {a: b}\n"),
        (PATCHES, b'[{"op":"replace","path":"/data/a","value":"eA=="}]'),
    ):
        assert written(PUT, told, body) == body


def test_those_who_see_clear_values_cannot_write_sentinels_either() -> None:
    """A manifest that somebody else saved would take the place of the values all the same."""
    masks = MaskSection(name="m", groups=["support"])
    with pytest.raises(BodyRefused):
        written(PUT, "application/json", compact({"data": {"a": WORD.encoded}}), masks)


def test_patches_that_read_what_is_hidden() -> None:
    """M10."""
    body = compact([{"op": "copy", "from": "/data/password", "path": "/metadata/annotations/a"}])
    told = refused(PATCH, PATCHES, body)
    assert told["code"] == 403 and "copy of /data/password" in told["message"]
    assert refused(PATCH, PATCHES, b"[{")["code"] == 400
    assert refused(PATCH, PATCHES + "; charset=utf-8", body)["code"] == 403


def test_values_that_may_not_go_in() -> None:
    """In every form; the refusal is a Status."""
    for told, body in (
        ("application/json", compact({"data": {"a": CARD}})),
        ("application/vnd.kubernetes.protobuf", enveloped("ConfigMap", secret_message(data={"p": CARD.encode()}))),
        (APPLY, f"data: {{a: {CARD}}}".encode()),
    ):
        assert refused("PUT /api/v1/namespaces/d/configmaps/c", told, body, DENIED)["code"] == 403
    clean = enveloped("ConfigMap", secret_message(data={"p": b"x"}))
    assert (
        written("PUT /api/v1/namespaces/d/configmaps/c", "application/vnd.kubernetes.protobuf", clean, DENIED) == clean
    )


def test_what_is_too_long() -> None:
    """K10."""
    assert refused(PUT, "application/json", b"x" * (LONGEST + 1))["code"] == 413


@given(st.binary(max_size=60), st.sampled_from([b"", MAGIC, b'{"a":"', b'[{"op":"x","path":"/a","value":"']))
def test_bodies_of_any_kind(data: bytes, start: bytes) -> None:
    for told in ("application/json", PATCHES, APPLY, "", "application/vnd.kubernetes.protobuf"):
        for more in (b"", WORD.text.encode(), WORD.encoded.encode()):
            try:
                assert written(PATCH, told, start + data + more) == start + data + more and not more
            except BodyRefused as error:
                assert status_of(error)["code"] in (400, 403, 422)
