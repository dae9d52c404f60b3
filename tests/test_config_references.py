"""Every reference of a configuration is found."""

from __future__ import annotations

from pathlib import Path

from twisted_hoop.config import load
from twisted_hoop.config.references import references_of
from twisted_hoop.settings import Settings

EXAMPLE = Path(__file__).parent.parent / "etc" / "hoop.toml"


def test_all_of_the_example_are_found() -> None:
    found = {each.key: each for each in references_of(load(EXAMPLE))}
    assert found["targets.0.secret"].scheme == "vault" and found["targets.0.secret"].target is not None
    assert {"issuers.0.client_secret", "notify.0.secret"} <= set(found)
    assert all(each.scheme in ("vault", "env", "file") for each in found.values())


def test_storage_and_urls_that_are_secret() -> None:
    given = {
        "recording": {"storage": {"url": "s3://b", "access_key": "env:A", "secret_key": "aws-sm:b"}},
        "notify": [
            {"name": "a", "kind": "webhook", "url": "env:URL", "secret": "env:K"},
            {"name": "b", "kind": "webhook", "url": "https://x", "secret": "k8s:a/b#c"},
        ],
    }
    found = [(each.key, each.text) for each in references_of(Settings.model_validate(given))]
    assert found == [
        ("recording.storage.access_key", "env:A"),
        ("recording.storage.secret_key", "aws-sm:b"),
        ("notify.0.secret", "env:K"),
        ("notify.0.url", "env:URL"),
        ("notify.1.secret", "k8s:a/b#c"),
    ]
    assert list(references_of(Settings())) == []
