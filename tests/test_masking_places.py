"""Places in objects: which paths of which kinds are hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.masking.places import Places, place_pattern, problem_with_place
from twisted_hoop.settings import MaskSection


def places(*patterns: str, strategy: str = "redact") -> Places:
    """The places of one mask."""
    return Places([MaskSection(name="m", objects=list(patterns), strategy=strategy)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "kind", "path", "hidden"),
    [
        ("Secret/data/.*", "Secret", "data/password", True),
        ("Secret/data/.*", "Secret", "data", False),
        ("Secret/data/.*", "SealedSecret", "data/password", False),
        ("Secret/data/tls.key", "Secret", "data/tls.key", True),
        ("Secret/data/tls.key", "Secret", "data/tlsxkey", False),
        ("Pod/env/.*_TOKEN", "Pod", "env/CI_TOKEN", True),
        ("Pod/env/.*_TOKEN", "Pod", "env/CI_TOKENS", False),
        ("*/annotations/.*", "Anything", "annotations/example.com/note", True),
        ("*/annotations/a.b", "Anything", "annotations/a.b", True),
        ("*/annotations/a.b", "Anything", "annotations/axb", False),
        (".*Secret/data/.*", "SealedSecret", "data/a", True),
        ("(Secret/data|ConfigMap/data)/.*", "ConfigMap", "data/a", True),
        ("(Secret/data|ConfigMap/data)/.*", "Pod", "data/a", False),
        ("(?i)secret/data/.*", "Secret", "data/a", True),
        ("ConfigMap/(?i)data/.*PASS.*", "ConfigMap", "data/password", True),
    ],
)
def test_a_pattern_means_a_place(pattern: str, kind: str, path: str, hidden: bool) -> None:
    assert bool(places(pattern).of(kind).strategy(path)) is hidden
    above = path.rpartition("/")[0]
    assert not hidden or places(pattern).of(kind).below(above)


def test_what_cannot_hold_a_place_is_not_looked_into() -> None:
    found = places("Secret/data/.*", "Certificate/spec/keystores/.*")
    assert not found.of("Pod") and not found.of("Pod").below("")
    assert not found.of("Secret").below("metadata") and found.of("Secret").below("")
    assert not places("Secret/(data|stringData)/.*").of("Secret").below("metadata")
    assert found.of("Certificate").below("spec") and not found.of("Certificate").below("status")


def test_two_masks_on_one_place_hide_by_the_stricter() -> None:
    both = Places(
        [
            MaskSection(name="a", objects=["Secret/data/.*"], strategy="partial"),
            MaskSection(name="b", objects=["*/data/.*"], strategy="redact"),
        ]
    )
    assert both.of("Secret").strategy("data/a") == "redact"
    assert both.of("ConfigMap").strategy("data/a") == "redact"


def test_masks_of_responses_hide_secrets_unless_they_say_otherwise() -> None:
    assert Places([MaskSection(name="a", detect=["card"])]).of("Secret").strategy("data/a") == "redact"
    assert not Places([MaskSection(name="a", detect=["card"], objects=[])])
    assert not Places([MaskSection(name="a", detect=["card"], direction="request")])


@pytest.mark.parametrize(
    ("resource", "hidden"),
    [("certificates", True), ("policies", True), ("boxes", True), ("certificaterequests", False)],
)
def test_a_resource_is_known_by_its_plural(resource: str, hidden: bool) -> None:
    found = places("Certificate/spec/.*", "Policy/spec/.*", "Box/spec/.*").of_resource(resource)
    assert bool(found) is hidden and bool(found.strategy("spec/a")) is hidden


@pytest.mark.parametrize("pattern", ["Secret", "Secret/", "/", "*", "Secret/data/(", "Secret/data/(?=a)", ""])
def test_a_pattern_that_means_nothing_is_told(pattern: str) -> None:
    assert problem_with_place(pattern)


def test_any_kind_is_one_segment() -> None:
    assert place_pattern("*/a") == "[^/]*/a" and place_pattern("a/*") == "a/*"


@given(
    st.text(alphabet="ab|().*?+[]\\{}1/", max_size=12) | st.text(alphabet="ab/", max_size=3).map("(a|b){}".format),
    st.lists(st.text(alphabet="ab1", min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_nothing_that_is_hidden_lies_where_nobody_looks(tail: str, names: list[str]) -> None:
    """What `below` says no to holds no place, whatever the pattern is."""
    pattern = "Kind/" + tail
    if problem_with_place(pattern):
        return
    found = places(pattern).of("Kind")
    if found.strategy("/".join(names)):
        assert all(found.below("/".join(names[:depth])) for depth in range(len(names)))
