"""The OpenAPI document, and the API held against it: schemathesis asks everything the document allows, and more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.generation import GenerationMode

from tests.support.api import Api, listening_api
from tests.support.approvals import ALICE, DELETE, RETRY, Time, open_office
from tests.support.loop import Loop
from twisted_hoop.web.openapi import document_of
from twisted_hoop.web.routes import make_table


def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.ask("GET", "/v1/openapi.json").json
    return found


def test_every_route_is_in_it_and_every_word_has_its_place(api: Api) -> None:
    found = document(api)
    assert found["openapi"] == "3.1.0"
    routed = {(m.lower(), p.replace("<id:ident>", "{ident}")) for m, p, _ in make_table(api.parts, api.loop.reactor)}
    assert {(method, path) for path, item in found["paths"].items() for method in item} == routed
    for path, item in found["paths"].items():
        for method, operation in item.items():
            assert operation["summary"] and not operation["summary"].startswith(("GET", "POST")), path
            assert ("ident" in path) == any(p["in"] == "path" for p in operation["parameters"])
            assert ("requestBody" in operation) == (method == "post" and "slack" not in path), path
    names = [operation["operationId"] for item in found["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_every_schema_is_one_and_every_reference_leads_somewhere(api: Api) -> None:
    found = document(api)
    schemas = found["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    for reference in _references(found):
        assert reference.removeprefix("#/components/schemas/") in schemas


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_it_is_made_of_the_routes_alone(api: Api) -> None:
    table = make_table(api.parts, api.loop.reactor)[:3]
    assert set(document_of(table)["paths"]) == {path for _, path, _ in table}


@pytest.fixture(scope="module")
def living(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API with something in it, for all examples."""
    folder = tmp_path_factory.mktemp("openapi")
    office = open_office(f"sqlite:///{folder}/hoop.db", loop.reactor, Time())
    with listening_api(office, loop, folder / "state") as api:
        api.file(ALICE, RETRY, DELETE)
        yield api
    office.database.stop()


SETTINGS = hypothesis.settings(
    max_examples=6,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
LEFT_OUT = {"/v1/events", "/v1/slack/actions"}
"""Endless, and signed by others: test_web_feed, attacks/test_a_callbacks."""


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_answers_are_what_the_document_says(living: Api, mode: GenerationMode) -> None:
    """No 500, no status, media type or member that is not described, whatever is asked by somebody who may."""
    schema, asked = schemathesis.openapi.from_dict(document(living)), 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        try:
            strategy = operation.as_strategy(generation_mode=mode)
            hypothesis.given(strategy)(SETTINGS(lambda case: _ask(living, case)))()
        except hypothesis.errors.Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # nothing can be wrong where nothing is sent
        asked += 1
    assert asked > 20


def _ask(living: Api, case: Any) -> None:
    # Somebody whose own locks do not shut them out of the next example.
    living.provider.locks.replace([])
    token = living.token("carol", groups=["dba", "auditors", "operators", "developers"])
    response = case.call(base_url=living.url, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code < 500, f"{case.method} {case.path}: {response.text}"
    if response.status_code in (400, 413) and not response.content:
        return  # what was sent is no HTTP, or too long: refused before anything of ours sees it
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"], response.text
        assert response.json()["status"] == response.status_code
    case.operation.validate_response(response)
