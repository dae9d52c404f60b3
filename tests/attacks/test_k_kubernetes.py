"""Attacks on what the gateway says to an API server in its own name: identity, paths, upgrades, ways round it."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import token_of, wait_for
from tests.support.kube.place import MASKED, PLAIN, KubePlace
from tests.support.kube.raw import ask, exec_path, executed, head, upgrade, wire
from tests.support.kube.samples import config_map, pod, secret

V5 = "Sec-WebSocket-Protocol: v5.channel.k8s.io"


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    running.apply(pod("box"), pod("closed-box"), secret("kept", password="x"), config_map("seen", a="1"))
    yield running
    running.gone()


def path_of(place: KubePlace, rest: str) -> str:
    return f"/api/v1/namespaces/{place.namespace}/{rest}"


def arrived(place: KubePlace, path: str) -> dict[str, object]:
    """The request that arrived last with that in its path."""
    return dict(wait_for(lambda: place.api.seen(path), f"a request for {path}")[-1])


@pytest.mark.parametrize("named", ["Impersonate-User", "impersonate-group", "Authorization", "X-Remote-User"])
def test_k1_connection_cannot_remove_what_the_gateway_says(place: KubePlace, named: str) -> None:
    """K1: `Connection: Impersonate-User` makes some proxies drop their own header and act as themselves."""
    name = f"k1-{named.lower()}"
    with wire(place) as connection:
        connection.send(head("GET", path_of(place, f"configmaps/{name}"), f"Connection: close, {named}"))
        answer = connection.answer()
    seen = place.api.seen(name)
    assert answer.status == 400 or [each["user"] for each in seen] == ["oidc:ci"]


@pytest.mark.parametrize(
    "lines",
    [
        ["Connection: close", "Connection: Impersonate-User"],
        ["connection: Impersonate-Group ,close", "Impersonate-Group: system:masters"],
        ["Connection: close,\tImpersonate-Extra-Hoop-Principal", "Impersonate-Extra-Hoop-Principal: root"],
        ["Proxy-Connection: Impersonate-User", "Keep-Alive: Impersonate-User", "TE: Impersonate-User"],
        ["Connection: close, Accept, Host, Content-Type"],
    ],
)
def test_k1_in_every_way_hop_by_hop_headers_are_named(place: KubePlace, lines: list[str]) -> None:
    """K1: in several lines, with blanks, of headers that clients send besides, and under older names; whatever of it is
    let through arrives with all the gateway says."""
    name = f"k1-ways-{abs(hash(tuple(lines)))}"
    with wire(place) as connection:
        connection.send(head("GET", path_of(place, f"configmaps/{name}"), *lines))
        status = connection.answer().status
    assert status in (400, 404)
    seen = place.api.seen(name)
    assert len(seen) == (status == 404), "a refusal sends nothing, an answer is the API server's"
    for each in seen:
        assert (each["user"], each["groups"]) == ("oidc:ci", ["ci", "system:authenticated"])
        assert each["extra"]["hoop-principal"] == ["hoop|ci"] and each["caller"] == "gateway"


FORGED = {
    "Impersonate-User": "root",
    "IMPERSONATE-GROUP": "system:masters",
    "impersonate-uid": "uid-of-root",
    "Impersonate-Extra-Scopes": "all",
    "Impersonate_User": "root",
    "X-Remote-User": "root",
    "x-remote-group": "system:masters",
    "X-Remote-Extra-Scopes": "all",
}


@pytest.mark.parametrize("target", [MASKED, PLAIN])
def test_k2_who_clients_say_they_are_does_not_arrive(place: KubePlace, target: str) -> None:
    """K2: `Impersonate-*` in any case and spelling, Uid and Extra too, and `X-Remote-*`."""
    lines = [f"{name}: {value}" for name, value in FORGED.items()]
    with wire(place) as connection:
        connection.send(head("GET", path_of(place, f"configmaps/k2-{target}"), *lines, target=target))
        answer = connection.answer()
    assert answer.status in (400, 404)
    for seen in place.api.seen(f"k2-{target}"):
        assert seen["user"] == ("oidc:ci" if target == MASKED else "gateway")
        assert "root" not in json.dumps(seen["headers"]) and "system:masters" not in json.dumps(seen["headers"])
        assert seen["uid"] == "" and "scopes" not in seen["extra"]
        assert token_of("ci") not in json.dumps(seen)


@pytest.mark.parametrize("name", FORGED)
def test_k2_each_of_them_alone(place: KubePlace, name: str) -> None:
    """K2: together, one that is refused would hide what becomes of the others. Each arrives nowhere, and the request
    that is let through does so as who asked, with as much as without it."""
    path = f"k2-alone-{list(FORGED).index(name)}"
    with wire(place) as connection:
        connection.send(
            head("GET", path_of(place, f"configmaps/{path}"), f"{name}: {FORGED[name]}", "Connection: close")
        )
        status = connection.answer().status
    seen = place.api.seen(path)
    assert (status, len(seen)) in ((404, 1), (400, 0))
    assert status == 404 or "_" in name, "what is no header of ours to refuse is stripped"
    for each in seen:
        assert (each["user"], each["groups"]) == ("oidc:ci", ["ci", "system:authenticated"])
        assert each["uid"] == "" and set(each["extra"]) == {"hoop-principal", "hoop-session"}
        assert FORGED[name] not in json.dumps(each["headers"])


def test_k2_trailers_are_no_headers(place: KubePlace) -> None:
    """K2, K7: nor is it said behind a body; servers that join trailers to headers would believe it."""
    body = json.dumps(config_map("k2-trailers", a="1")).encode()
    lines = ["Transfer-Encoding: chunked", "Trailer: Impersonate-User", "Content-Type: application/json"]
    with wire(place) as connection:
        connection.send(head("POST", path_of(place, "configmaps"), *lines, "Connection: close"))
        connection.send(
            b"%x\r\n%s\r\n0\r\nImpersonate-User: root\r\nImpersonate-Group: system:masters\r\n\r\n" % (len(body), body)
        )
        status = connection.answer().status
    seen = [each for each in place.api.seen() if "k2-trailers" in each["body"]]
    assert (status, len(seen)) in ((201, 1), (400, 0))
    for each in seen:
        assert each["user"] == "oidc:ci" and "root" not in json.dumps(each["headers"])


def test_k2_impersonation_says_who_asked(place: KubePlace) -> None:
    """K2: what does arrive is the gateway's word: user, groups, principal and session."""
    ask(place, "GET", path_of(place, "configmaps/k2-who"))
    seen = arrived(place, "k2-who")
    assert seen["caller"] == "gateway" and seen["user"] == "oidc:ci"
    assert seen["groups"] == ["ci", "system:authenticated"]
    assert set(seen["extra"]) == {"hoop-principal", "hoop-session"}  # type: ignore[call-overload]


def test_k3_a_refused_upgrade_leaves_no_tunnel(place: KubePlace) -> None:
    """K3, CVE-2018-1002105: what follows a failed upgrade is read by the gateway, never by the API server."""
    smuggled = b"GET /api/v1/k3-smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    with wire(place) as connection:
        connection.send(upgrade(place, exec_path(place, "nobody", "true"), V5))
        assert connection.answer().status == 404
        connection.send(smuggled)
        if connection.more() or connection.rest:
            assert connection.answer().status in (401, 404)
    assert not place.api.seen("k3-smuggled")


def test_k3_bytes_sent_along_with_an_upgrade_do_not_pass(place: KubePlace) -> None:
    """K3: nor what is sent before the answer to the upgrade is there."""
    smuggled = b"GET /api/v1/k3-early HTTP/1.1\r\nHost: x\r\n\r\n"
    with wire(place) as connection:
        connection.send(upgrade(place, exec_path(place, "nobody", "true"), V5) + smuggled)
        assert connection.answer().status in (400, 404)
    assert not place.api.seen("k3-early")


@pytest.mark.parametrize("protocol", ["v9.channel.k8s.io", "", "SPDY/3.1+portforward.k8s.io"])
def test_k3_another_protocol_opens_nothing(place: KubePlace, protocol: str) -> None:
    """K3: a tunnel opens only for a protocol that is read."""
    line = [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
    answer, came = executed(place, upgrade(place, exec_path(place, "box", "echo", "k3-ran"), *line))
    assert answer.status != 101 and not came


def test_k4_redirects_are_not_followed(place: KubePlace) -> None:
    """K4, CVE-2020-8559: an API server that redirects sends the gateway nowhere."""
    place.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "away"}, "spec": {"ports": [{"port": 80}]}}
    )
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]
        path = path_of(place, f"services/away/proxy/redirect/127.0.0.1:{port}")
        found = ask(place, "GET", path, target=PLAIN)
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert wait_for(lambda: place.api.seen("proxy/redirect"), "the request that was redirected")
    assert found.status in (302, 502) and token_of("ci") not in str(found)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_k5_exec_is_exec_by_any_method(place: KubePlace, method: str) -> None:
    """K5: what opens a way into a container is judged by path and subresource, whatever the method says."""
    found = ask(place, method, exec_path(place, "closed-box", "id"))
    assert found.status in (400, 403, 405)
    assert not place.api.seen("closed-box/exec")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("way", ["pods/box/proxy/x", "services/https:web:443/proxy", "pods/box:8080/proxy"])
def test_k5_what_leads_through_the_api_server_is_no_reading_by_any_method(
    place: KubePlace, method: str, way: str
) -> None:
    """K5: the proxies of pods and services, which rules that allow reading and writing do not open."""
    found = ask(place, method, path_of(place, f"{way}?k5={method}"))
    assert found.status in (400, 403, 405)
    assert not place.api.seen(f"k5={method}")


@pytest.mark.parametrize("path", ["/api/v1/nodes/node-1/proxy/run/default/box/main", "/api/v1/nodes/node-1/proxy"])
def test_k5_reading_through_a_node_is_no_reading(place: KubePlace, path: str) -> None:
    """K5: GET of nodes/proxy runs commands on the kubelet."""
    assert ask(place, "GET", path).status == 403
    assert not place.api.seen("nodes/node-1/proxy")


ODD = [
    "/api/v1/namespaces/{ns}/secrets%2Fkept",
    "/api/v1/namespaces/{ns}%2fsecrets",
    "/api/v1/namespaces/{ns}/%73ecrets",
    "/api/v1/namespaces/{ns}/%2e%2e/{ns}/secrets",
    "/api/v1/namespaces/x/../{ns}/secrets",
    "/api/v1/namespaces/./{ns}/secrets",
    "//api/v1/namespaces/{ns}/secrets",
    "/api/v1//namespaces/{ns}/secrets",
    "/api/v1/namespaces/{ns}/secrets;x=y",
    "/api/v1/namespaces/{ns}/configmaps/..;/secrets",
    "/API/v1/namespaces/{ns}/secrets",
    "/api/v1/namespaces/{ns}/Secrets",
    "/api/v1/namespaces/{ns}/secrets%00",
    "/api/v1/namespaces/{ns}/secrets%",
    "/api/v1/namespaces/{ns}/secrets\\kept",
    "/api/v1/namespaces/{ns}/configmaps/%2e%2e%2fsecrets",
]


@pytest.mark.parametrize("path", ODD)
def test_k6_odd_spellings_reach_nothing(place: KubePlace, path: str) -> None:
    """K6: a path is read once; what is no canonical path is refused, so what is judged is what is sent."""
    with wire(place) as connection:
        connection.send(head("GET", path.format(ns=place.namespace), "Connection: close"))
        answer = connection.answer()
    assert answer.status in (400, 403, 404) and json.loads(answer.body)["kind"] == "Status"
    assert b"eA==" not in answer.body, "the value of the Secret"


def test_k6_the_absolute_form_is_about_the_gateway(place: KubePlace) -> None:
    """K6: `GET https://elsewhere/api/…` names no other server, and no other target."""
    with wire(place) as connection:
        first = f"GET https://elsewhere/api/v1/namespaces/{place.namespace}/secrets HTTP/1.1\r\nHost: localhost\r\n"
        connection.send(f"{first}Authorization: Bearer {token_of('ci')}\r\n\r\n".encode())
        assert connection.answer().status in (400, 404, 421)


@pytest.mark.parametrize(
    "query", ["watch=banana", "watch", "watch=1", "watch=false&watch=true", "watch=true&watch=false"]
)
def test_k6_a_watch_is_known_by_every_spelling(place: KubePlace, query: str) -> None:
    """K6: what the API server takes for a watch is judged and masked as one."""
    path = path_of(place, f"secrets?{query}&timeoutSeconds=1&resourceVersion=0")
    found = ask(place, "GET", path)
    assert b"eA==" not in found.body, "the value of the Secret"
    assert found.status in (200, 400)


def test_k8_pipelined_requests_have_their_own_answers(place: KubePlace) -> None:
    """K8: answers come in the order of the requests, each to whom it belongs."""
    names = [f"k8-{number}" for number in range(8)]
    place.apply(*(config_map(name, a="1") for name in names))
    with wire(place) as connection:
        connection.send(b"".join(head("GET", path_of(place, f"configmaps/{name}")) for name in names))
        found = [json.loads(connection.answer().body)["metadata"]["name"] for _ in names]
    assert found == names


def test_k8_people_at_once_see_their_own(place: KubePlace) -> None:
    """K8: many at once over few upstream connections, each asked for another object."""
    names = [f"k8-at-once-{number}" for number in range(6)]
    place.apply(*(config_map(name, a="1") for name in names))
    wrong: list[str] = []

    def look(name: str) -> None:
        with wire(place) as connection:
            for _ in range(15):
                connection.send(head("GET", path_of(place, f"configmaps/{name}")))
                told = json.loads(connection.answer().body)["metadata"]["name"]
                if told != name:
                    wrong.append(told)

    threads = [threading.Thread(target=look, args=(name,)) for name in names]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert not wrong


MINTING = [
    ("POST", "/api/v1/namespaces/{ns}/serviceaccounts/default/token"),
    ("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests"),
    ("PUT", "/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval"),
    ("PATCH", "/api/v1/namespaces/{ns}/pods/box/ephemeralcontainers"),
    ("POST", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view"),
]


def test_k10_a_large_list_takes_little_memory(place: KubePlace) -> None:
    """K10: 12 MB of Secrets are masked item by item; the gateway grows by less than they are."""
    for number in range(12):
        big = secret(f"k10-{number}", password="x" * 750_000)
        place.api.ask("POST", path_of(place, "secrets"), big)
    ask(place, "GET", path_of(place, "secrets?fieldSelector=metadata.name%3Dk10-0"))
    before = resident(place)
    found = ask(place, "GET", path_of(place, "secrets"))
    assert found.status == 200 and len(found.json["items"]) >= 12
    assert base64.b64encode(b"x" * 30) not in found.body
    assert resident(place) - before < len(found.body) // 1024 + 12_000


def resident(place: KubePlace) -> int:
    """The most memory the gateway ever had, in KiB."""
    status = Path(f"/proc/{place.gateway.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize(("method", "path"), MINTING)
def test_k12_ways_round_the_gateway_are_a_class_of_their_own(place: KubePlace, method: str, path: str) -> None:
    """K12: tokens, certificates, containers beside others, webhooks and bindings: not by a rule that allows writing."""
    found = ask(place, method, path.format(ns=place.namespace), {"metadata": {"name": "k12"}})
    assert found.status == 403 and found.json["reason"] == "Forbidden"
    assert not [
        each
        for each in place.api.seen()
        if each["method"] == method and each["user"] == "oidc:ci" and "k12" in each["body"]
    ]


def test_k13_a_token_in_a_subprotocol_is_taken_and_told_nobody(place: KubePlace) -> None:
    """K13: browsers carry the token there; it neither reaches the API server, nor a log, nor a recording."""
    packed = base64.urlsafe_b64encode(token_of("ci").encode()).decode().rstrip("=")
    line = f"{V5}, base64url.bearer.authorization.k8s.io.{packed}"
    request = upgrade(place, exec_path(place, "box", "echo", "k13-ran"), line, who="")
    answer, came = executed(place, request)
    assert answer.status == 101 and (1, b"k13-ran\n") in came
    assert "bearer" not in answer.headers["sec-websocket-protocol"]
    seen = [each for each in place.api.seen("box/exec") if "k13-ran" in each["target"]]
    assert seen and packed not in str(seen) and token_of("ci") not in str(seen)
    assert packed not in (place.gateway.folder / "log").read_text()


def test_k13_what_stands_in_a_url_besides_is_told_nobody(place: KubePlace) -> None:
    """K13: of somebody who is let in by the header, and has a token in the URL as well: it stands in no log and in no
    recording, under whichever of the usual names."""
    words = {f"k13secret{number}{name}": name for number, name in enumerate(URL_NAMES)}
    for word, name in words.items():
        ask(place, "GET", path_of(place, f"configmaps/k13-url?{name}={word}"))
    wait_for(lambda: recorded(place, "k13-url"), "the requests in a recording")
    log = (place.gateway.folder / "log").read_text()
    assert [word for word in words if word in log or recorded(place, word)] == []


URL_NAMES = ("access_token", "token", "id_token", "api_key", "client_secret", "password", "X-Amz-Signature", "sig")


def test_k13_a_token_in_the_url_is_not_taken(place: KubePlace) -> None:
    """K13: nor does one in a URL let anybody in; it would stand in every log on the way."""
    with wire(place) as connection:
        token = token_of("ci")
        connection.send(head("GET", path_of(place, f"configmaps?access_token={token}&token={token}"), who=""))
        assert connection.answer().status == 401
    assert token_of("ci") not in (place.gateway.folder / "log").read_text()


@pytest.mark.parametrize("more", ["&container=main&container=other", "&stdin=true&stdin=false", "&tty=false&tty=true"])
def test_k14_parameters_that_come_twice_are_refused(place: KubePlace, more: str) -> None:
    """K14: whoever reads the first and whoever reads the last would run different things."""
    answer, came = executed(place, upgrade(place, exec_path(place, "box", "echo", "k14", more=more), V5))
    assert answer.status == 400 and not came


def test_k14_every_word_of_the_command_is_judged(place: KubePlace) -> None:
    """K14: `command=` repeated is an argument vector; all of it stands in the recording."""
    answer, came = executed(place, upgrade(place, exec_path(place, "box", "echo", "one", "k14-two"), V5))
    assert answer.status == 101 and (1, b"one k14-two\n") in came
    session = wait_for(lambda: recorded(place, "echo one k14-two"), "the command in a recording")
    assert "pods/exec" in session or "exec" in session


def recorded(place: KubePlace, text: str) -> str:
    """The first entry of any recording with that text."""
    for each in place.gateway.library.list(limit=2000):
        for entry in place.gateway.library.read(each.id):
            if text in json.dumps(entry):
                return json.dumps(entry)
    return ""


def test_k14_what_is_typed_is_recorded(place: KubePlace) -> None:
    """K14: a harmless command may be told harmful things: its input stands in the recording too."""
    assert place.kubectl("exec", "-i", "box", "--", "cat", stdin="k14-typed\n", target=MASKED).well() == "k14-typed\n"
    assert wait_for(lambda: recorded(place, "k14-typed"), "the input in a recording")
