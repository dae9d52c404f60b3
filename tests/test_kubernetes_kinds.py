"""Kinds that API servers know by themselves."""

from __future__ import annotations

import pytest

from twisted_hoop.kubernetes.kinds import POD_TEMPLATES, is_bytes, is_known, kind_of


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (("", "secrets"), "Secret"),
        (("apps", "deployments"), "Deployment"),
        (("apps", "deployments", "scale"), "Scale"),
        (("", "serviceaccounts", "token"), "TokenRequest"),
        (("", "pods", "status"), "Pod"),
        (("example.com", "secrets"), ""),
        (("", "widgets"), ""),
    ],
)
def test_what_a_resource_answers_with(given: tuple[str, ...], kind: str) -> None:
    assert kind_of(*given) == kind


def test_a_kind_is_known_together_with_its_group() -> None:
    assert is_known("Service", "v1") and is_known("Deployment", "apps/v1") and is_known("Pod", "")
    assert not is_known("Service", "serving.knative.dev/v1") and not is_known("Widget", "v1")
    assert not is_known("ControllerRevision", "apps/v1")  # it holds whatever its owner is made of
    assert not is_known("Secret", "x.example/v1")


def test_what_holds_pods_is_built_in() -> None:
    assert {"Pod", "Deployment", "CronJob"} <= set(POD_TEMPLATES)


def test_what_is_bytes() -> None:
    assert is_bytes("Secret", "data/a") and is_bytes("ConfigMap", "binaryData/a")
    assert not is_bytes("Secret", "stringData/a") and not is_bytes("ConfigMap", "data/a")
