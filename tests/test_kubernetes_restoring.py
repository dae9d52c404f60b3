"""Values in the place of the words that stand for them, and of no other ones."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_bodies import KEY, LAST_APPLIED, asked, b64, hiding, secret
from twisted_hoop.kubernetes.objects import Objects
from twisted_hoop.kubernetes.restoring import Live, NotRestored, Restorable, put_back, put_back_steps
from twisted_hoop.kubernetes.sentinels import Sentinels

PLACES = ("Secret/data/.*", "Secret/stringData/.*", "Pod/env/.*_TOKEN", "Pod/args", "ConfigMap/data/password")
PUT = "PUT /api/v1/namespaces/default/secrets/s"
WORD = Sentinels(KEY, "prod").general
Json = dict[str, Any]


def twin(**more: Any) -> Json:
    """A Secret of two values, with the configuration that was applied."""
    thing = secret(annotations={}, **more)
    thing["data"]["user"] = b64("root-of-it-all")
    thing["metadata"]["annotations"][LAST_APPLIED] = json.dumps(secret()) + "\n"
    return thing


def live(thing: Json, *patterns: str, line: str = PUT, keeping: tuple[str, ...] = (), **more: Any) -> Live:
    kept = hiding(*keeping) if keeping else None
    return Live(Restorable(hiding(*(patterns or PLACES), **more), kept), asked(line)[0], thing)


def shown(thing: Json, line: str = PUT, **more: Any) -> Json:
    """As clients have it."""
    found = copy.deepcopy(thing)
    objects = Objects(hiding(*PLACES, **more), asked("GET" + line[3:])[0])
    objects.hide(found, objects.kind)
    return found


def fails(thing: Json, body: Any, **more: Any) -> NotRestored:
    with pytest.raises(NotRestored) as caught:
        put_back(live(thing, **more), body)
    return caught.value


@pytest.mark.parametrize("strategy", ["redact", "partial", "hash"])
def test_what_was_shown_becomes_what_is(strategy: str) -> None:
    """M11: in every strategy, and pinned."""
    thing = twin()
    body = shown(thing, strategy=strategy)
    body["metadata"]["labels"] = {"new": "yes"}
    found, count = put_back(live(thing, strategy=strategy), body)
    assert found == {**thing, "metadata": {**thing["metadata"], "labels": {"new": "yes"}}} and count == 3


def test_a_part_of_it_is_pinned_as_well() -> None:
    thing = twin()
    found, count = put_back(live(thing), {"data": {"user": shown(thing)["data"]["user"], "more": "eA=="}})
    assert found == {"data": {"user": b64("root-of-it-all"), "more": "eA=="}, "metadata": {"resourceVersion": "17"}}
    assert count == 1


def test_the_configuration_kubectl_writes_down_of_what_it_was_shown() -> None:
    """`kubectl get -o yaml | kubectl apply -f -`: places in it are the object's."""
    thing = twin()
    del thing["metadata"]["annotations"][LAST_APPLIED]
    inner = shown(thing)
    found, count = put_back(live(thing), {"metadata": {"annotations": {LAST_APPLIED: json.dumps(inner) + "\n"}}})
    assert json.loads(found["metadata"]["annotations"][LAST_APPLIED]) == thing and count == 2


def test_an_older_configuration_stays_what_it_was() -> None:
    """Its value is another one than that of the object."""
    thing = twin()
    thing["metadata"]["annotations"][LAST_APPLIED] = json.dumps(secret(password="the one before it"))
    assert put_back(live(thing), shown(thing))[0] == thing


def test_string_data() -> None:
    """What people read as text they write as text."""
    thing = twin()
    word = base64.b64decode(shown(thing)["data"]["password"]).decode()
    found, _ = put_back(live(thing), {"stringData": {"password": word}})
    assert found["stringData"] == {"password": "hunter2-very-secret"}
    assert fails(thing, {"stringData": {"user": word}}).field == "stringData.user"
    thing["data"]["password"] = base64.b64encode(b"\xff\xfe" * 9).decode()
    assert fails(thing, {"stringData": {"password": word}}).field == "stringData.password"


def workload(*env: Json, **spec: Any) -> Json:
    containers = [{"name": "web", "env": [*env], **spec}]
    about = {"name": "d", "namespace": "default", "resourceVersion": "9"}
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": about,
        "spec": {"template": {"spec": {"containers": containers}}},
    }


DEPLOYMENT = "PUT /apis/apps/v1/namespaces/default/deployments/d"
TOKEN = {"name": "A_TOKEN", "value": "the-token-itself"}


def test_variables_are_known_by_their_names() -> None:
    thing = workload(TOKEN, {"name": "MODE", "value": "fast"})
    (container,) = shown(thing, DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    body = workload({"name": "NEW", "value": "1"}, container["env"][0])
    found, count = put_back(live(thing, line=DEPLOYMENT), body)
    assert found["spec"] == workload({"name": "NEW", "value": "1"}, TOKEN)["spec"] and count == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda env: {**env, "name": "B_TOKEN"},
        lambda env: {**env, "name": "MODE"},
        lambda env: {"name": "MODE", "value": env["value"] + "."},
    ],
)
def test_a_word_under_another_name_stands_for_nothing(change: Any) -> None:
    """M11: nor where it would be shown."""
    thing = workload(TOKEN, {"name": "B_TOKEN", "value": "another token"})
    env = shown(thing, DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert "env[0].value" in fails(thing, workload(change(env[0])), line=DEPLOYMENT).field


def test_arguments_are_known_by_their_numbers() -> None:
    thing = workload(args=["--password", "hunter2-very-secret"])
    args = shown(thing, DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["args"]
    assert put_back(live(thing, line=DEPLOYMENT), workload(args=args))[0]["spec"] == thing["spec"]
    assert "args[0]" in fails(thing, workload(args=args[::-1]), line=DEPLOYMENT).field
    assert "command[0]" in fails(thing, workload(command=args), line=DEPLOYMENT).field


def test_two_variables_of_one_name_are_told_apart_by_nothing() -> None:
    thing = workload(TOKEN, {**TOKEN, "value": "the second one"})
    env = shown(thing, DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env[0] == env[1] and fails(thing, workload(*env), line=DEPLOYMENT).field


def test_other_places_objects_versions_and_keys() -> None:
    """M11: each word stands for one value."""
    thing, word = twin(), shown(twin())["data"]["password"]
    assert fails(thing, {"data": {"user": word}}).field == "data.user"
    assert fails(thing, {"metadata": {"annotations": {"a": word}}}).field == "metadata.annotations.a"
    assert fails(thing, {"data": {"password": base64.b64encode(base64.b64decode(word) + b" ").decode()}})
    others = [twin(name="t"), twin(namespace="other"), twin(resourceVersion="18"), {**twin(), "kind": "Other"}]
    assert all(fails(thing, {"data": {"password": shown(each)["data"]["password"]}}) for each in others[:3])
    assert fails(thing, {"data": {"password": WORD.encoded}}).status == 422


def test_a_dry_runs_words_stand_for_nothing() -> None:
    """What it answers is stored nowhere: putting back would undo the change that was tried."""
    tried = copy.deepcopy(twin())
    objects = Objects(hiding(*PLACES), asked(PUT + "?dryRun=All")[0])
    objects.hide(tried, "Secret")
    assert fails(twin(), {"data": tried["data"]})


def test_another_version_is_a_conflict() -> None:
    thing = twin()
    body = shown(thing)
    body["metadata"]["resourceVersion"] = "16"
    assert fails(thing, body).status == 409


def test_what_another_mask_hides_stays_hidden() -> None:
    thing = twin()
    body = {"data": shown(thing)["data"]}
    assert fails(thing, body, keeping=("Secret/data/password",)).field == "data.password"
    assert put_back(live(thing, keeping=("Secret/data/x",)), shown(thing))[1] == 3


def test_nothing_is_put_back_where_it_would_be_shown() -> None:
    """M11: under another kind, of another type, or in a configuration of another kind beside something hidden."""
    thing = twin()
    body = shown(thing)
    assert fails(thing, {**body, "kind": "Other"}).field
    assert fails(thing, {**body, "type": "helm.sh/release.v1"}, releases=True).field == "data.password"
    inner = {"kind": "Other", "apiVersion": "v1", "data": body["data"], "env": [TOKEN]}
    told = fails(thing, {"metadata": {"annotations": {LAST_APPLIED: json.dumps(inner)}}})
    assert LAST_APPLIED in told.field and "data.password" in told.field


def test_objects_without_a_version_are_not_written() -> None:
    thing = twin()
    del thing["metadata"]["resourceVersion"]
    with pytest.raises(NotRestored, match="without a version"):
        live(thing)
    with pytest.raises(NotRestored):
        put_back(live(twin()), [])


# -- JSON Patch ---------------------------------------------------------------------------------------------------


def steps_fail(thing: Json, steps: Any, **more: Any) -> NotRestored:
    with pytest.raises(NotRestored) as caught:
        put_back_steps(live(thing, **more), steps)
    return caught.value


def test_steps_of_a_json_patch() -> None:
    thing = twin()
    word = shown(thing)["data"]["password"]
    for place, value, clear in (
        ("/data/password", word, thing["data"]["password"]),
        ("/data", {"password": word, "x": "eA=="}, {"password": thing["data"]["password"], "x": "eA=="}),
    ):
        steps = [{"op": "add", "path": "/metadata/labels", "value": {}}, {"op": "add", "path": place, "value": value}]
        found, count = put_back_steps(live(thing), steps)
        assert found[1:] == [steps[0], {**steps[1], "value": clear}] and count == 1
        assert found[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "17"}


@pytest.mark.parametrize(
    "step",
    [
        {"op": "remove", "path": "/metadata/resourceVersion"},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "18"},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": None},
        {"op": "add", "path": "x/metadata/resourceVersion", "value": ""},
        {"op": "copy", "from": "/type", "path": "/metadata/resourceVersion"},
        {"op": "move", "from": "/metadata/resourceVersion", "path": "/metadata/labels/a"},
        {"op": "move", "from": "/metadata", "path": "/x"},
        {"op": "replace", "path": "/metadata", "value": {"name": "s", "namespace": "default"}},
        {"op": "replace", "path": "", "value": {}},
    ],
)
def test_M11_no_step_lifts_the_pin(step: Json) -> None:
    """M11: a value would be written over a newer one, or into an object where it is shown by now."""
    thing = twin()
    word = shown(thing)["data"]["password"]
    assert steps_fail(thing, [{"op": "add", "path": "/data/password", "value": word}, step]).status in (409, 422)


def test_a_step_may_pin_the_same_version() -> None:
    thing = twin()
    word = shown(thing)["data"]["password"]
    same = [{"op": op, "path": "/metadata/resourceVersion", "value": "17"} for op in ("test", "add", "replace")]
    assert put_back_steps(live(thing), [*same, {"op": "add", "path": "/data/password", "value": word}])[1] == 1


def test_what_managed_fields_hide_is_no_hindrance() -> None:
    thing = twin(managedFields=[{"fieldsV1": {"f:data": {"f:password": {'v:"x"': {}}}}}])
    assert put_back(live(thing), shown(thing))[1] == 3


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/data/user", "WORD"),
        ("/metadata/annotations/a", "WORD"),
        ("/metadata", {"annotations": {"a": "WORD"}}),
        ("", {"data": {"password": "WORD"}}),
        ("/data", ["WORD"]),
        ("/data", {"password": ["WORD"]}),
        ("data/password", "WORD"),
        (7, "WORD"),
    ],
)
def test_steps_that_lead_elsewhere(place: Any, value: Any) -> None:
    """M11."""
    thing = twin()
    word = shown(thing)["data"]["password"]
    written = json.loads(json.dumps(value).replace("WORD", word))
    assert steps_fail(thing, [{"op": "add", "path": place, "value": written}])


def test_steps_that_copy_or_test_a_word() -> None:
    thing = twin()
    word = shown(thing)["data"]["password"]
    for step in ({"op": "test", "path": "/data/password", "value": word}, {"op": "copy", "from": word, "path": "/a"}):
        assert steps_fail(thing, [step])
    assert steps_fail(thing, {"op": "add"})


def test_steps_in_lists_are_refused() -> None:
    """M11: a step beside it could rename the variable, and its value would be shown."""
    thing = workload(TOKEN)
    (env,) = shown(thing, DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["env"]
    above = "/spec/template/spec/containers"
    for place, value in (
        (f"{above}/0/env/0/value", env["value"]),
        (f"{above}/0/env/0", {"name": "PLAIN", "value": env["value"]}),
        (f"{above}/0/env", [env]),
        (above, [{"name": "web", "env": [env]}]),
    ):
        assert "in a list" in str(
            steps_fail(thing, [{"op": "replace", "path": place, "value": value}], line=DEPLOYMENT)
        )


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6) | st.just("WORD"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "password", "a"]), inner),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_any_document_is_put_back_or_refused(value: Any) -> None:
    """M11: and no clear value stands anywhere but in its own place."""
    thing = twin()
    word, clear = shown(thing)["data"]["password"], thing["data"]["password"]
    body = json.loads(json.dumps(value).replace("WORD", word))
    for work in (put_back, put_back_steps):
        try:
            found, count = work(live(thing), body)
        except NotRestored:
            continue
        assert word not in json.dumps(found) and json.dumps(found).count(clear) == count
        assert not count or found["data"]["password"] == clear
