"""Requests in people's words are what kubectl would send."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_house import reading_of
from twisted_hoop.kubernetes.words import command_of_words
from twisted_hoop.rehearsal.reading import command_of

NS = "/api/v1/namespaces/shop"

SAME = {
    "get secrets -n shop": f"GET {NS}/secrets",
    "kubectl get secret s3 -n shop": f"GET {NS}/secrets/s3",
    "get secret/s3 --namespace=shop": f"GET {NS}/secrets/s3",
    "list po -A": "GET /api/v1/pods",
    "get po -A -w": "GET /api/v1/pods?watch=true",
    "watch pods -n shop -l app=web": f"GET {NS}/pods?labelSelector=app%3Dweb&watch=true",
    "get nodes": "GET /api/v1/nodes",
    "get no n1": "GET /api/v1/nodes/n1",
    "get crontabs.stable.example.com -n shop": "GET /apis/stable.example.com/v1/namespaces/shop/crontabs",
    "get customresourcedefinitions": "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "describe ingress web -n shop": "GET /apis/networking.k8s.io/v1/namespaces/shop/ingresses/web",
    "get netpol": "GET /apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
    "scale deploy/web -n shop": "PATCH /apis/apps/v1/namespaces/shop/deployments/web/scale",
    "patch deployments.apps/scale web -n shop": "PATCH /apis/apps/v1/namespaces/shop/deployments/web/scale",
    "delete pod web -n shop": f"DELETE {NS}/pods/web",
    "deletecollection pods -n shop": f"DELETE {NS}/pods",
    "create deploy web -n shop": "POST /apis/apps/v1/namespaces/shop/deployments",
    "create pods -n shop --dry-run=server": f"POST {NS}/pods?dryRun=All",
    "create token ci -n shop": f"POST {NS}/serviceaccounts/ci/token",
    "logs web -n shop -c app": f"GET {NS}/pods/web/log?container=app",
    "exec web -n shop -c app -it -- sh -c 'ls /'": (
        f"POST {NS}/pods/web/exec?command=sh&command=-c&command=ls+%2F&container=app&stdin=true&tty=true"
    ),
    "attach pod/web -n shop": f"POST {NS}/pods/web/attach",
    "port-forward web -n shop": f"POST {NS}/pods/web/portforward",
    "debug web -n shop": f"PATCH {NS}/pods/web/ephemeralcontainers",
    "GET /metrics": "GET /metrics",
    f"DELETE {NS}/pods?dryRun=All": f"DELETE {NS}/pods?dryRun=All",
}


@pytest.mark.parametrize("words", SAME)
def test_words_are_the_request_they_stand_for(words: str) -> None:
    command, reading = command_of_words(words), reading_of(SAME[words])
    assert (command.action, command.facts) == (reading.action, reading.facts)
    assert command.text == reading.text and command == command_of("kubernetes", words)


@pytest.mark.parametrize(
    "words",
    [
        "", "get", "fly pods", "get things", "get pods --everything", "list pods web", "GET api", "GET /api//v1",
        "get a b c d", "get pods 'a", "exec web -n shop", "get pods -n a/../b",
    ],
)  # fmt: skip
def test_what_is_no_request_is_told(words: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        command_of_words(words)


WORDS = "get list exec create pods po deploy/web -n shop -A -- sh -w token secrets scale x"
lines = st.lists(st.sampled_from(WORDS.split()), max_size=7).map(" ".join)


@given(st.text(max_size=30) | lines)
def test_any_words_are_a_command_or_the_error(words: str) -> None:
    with contextlib.suppress(ValueError):
        assert command_of_words(words).facts
