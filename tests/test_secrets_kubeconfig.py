"""Kubeconfig files: what is taken of them, what is refused, and that any text is one or the other."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.kubeconfig import read_kubeconfig


def config(user: Any, cluster: Any = None) -> dict[str, Any]:
    return {
        "current-context": "x",
        "contexts": [{"name": "y", "context": {}}, {"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster or {"server": "https://k8s.internal:6443/"}}],
        "users": [{"name": "u", "user": user}],
    }


def written(folder: Path, text: str) -> Path:
    file = folder / "kubeconfig"
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text)
    return file


def test_a_token_beside_or_in_the_file_as_json_or_yaml(tmp_path: Path) -> None:
    for text in (json.dumps, yaml.safe_dump):
        found = read_kubeconfig(written(tmp_path, text(config({"token": "t0ken"}))))
        assert (found.server, found.token, found.ca) == ("https://k8s.internal:6443", "t0ken", "")
        assert "t0ken" not in repr(found)
    (tmp_path / "token").write_text("from-file\n")
    assert read_kubeconfig(written(tmp_path, json.dumps(config({"tokenFile": "token"})))).token == "from-file"


def test_a_certificate_and_the_authority_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA")
    data = {name: base64.b64encode(name.encode()).decode() for name in ("client-certificate", "client-key")}
    user = {f"{name}-data": value for name, value in data.items()}
    cluster = {"server": "https://k", "certificate-authority": "ca.pem"}
    found = read_kubeconfig(written(tmp_path, json.dumps(config(user, cluster))))
    assert (found.ca, found.certificate) == ("CA", "client-certificate\nclient-key")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(config({"exec": {"command": "rm"}})),
        json.dumps(config({"username": "admin", "password": "hunter2"})),
        json.dumps(config({"token": "a\nX-Evil: hunter2"})),
        json.dumps(config({"token": 5})),
        json.dumps(config({"token": "t"}, {"server": "https://k", "insecure-skip-tls-verify": True})),
        json.dumps(config({"client-certificate-data": "!", "client-key-data": "!"})),
        json.dumps({**config({}), "current-context": "z"}),
        json.dumps({**config({}), "users": []}),
        json.dumps({**config({}), "contexts": None}),
        "!!python/object/apply:os.system [true]",
        "a: [",
        "[]",
        "5",
    ],
)
def test_what_leads_nowhere_or_runs_programs_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        read_kubeconfig(written(tmp_path, text))
    assert "hunter2" not in str(caught.value)


def test_R11_others_must_not_read_it(tmp_path: Path) -> None:
    """R11: it holds a credential."""
    file = written(tmp_path, json.dumps(config({"token": "t"})))
    file.chmod(0o644)
    with pytest.raises(SecretUnavailable, match="can be read by others"):
        read_kubeconfig(file)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.one_of(st.text(), JSON.map(json.dumps), JSON.map(lambda value: json.dumps(config(value, value)))))
def test_any_text_is_a_kubeconfig_or_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.touch(mode=0o600)
    file.write_bytes(text.encode("utf-8", "replace"))
    with contextlib.suppress(SecretUnavailable):
        assert isinstance(read_kubeconfig(file).server, str)
