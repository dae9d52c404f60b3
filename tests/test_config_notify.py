"""[[notify]]: what each kind needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.config import load
from twisted_hoop.config.notify import problem_with_url
from twisted_hoop.errors import ConfigurationError

WEBHOOK = {"name": '"w"', "kind": '"webhook"', "url": '"https://x.example/h"', "secret": '"env:KEY"'}
SLACK = {"name": '"s"', "kind": '"slack"', "url": '"env:URL"'}
EMAIL = {
    "name": '"m"',
    "kind": '"email"',
    "server": '"smtp.example.com:587"',
    "sender": '"hoop@example.com"',
    "to": '["dba@example.com"]',
}


def problems(folder: Path, *channels: dict[str, str]) -> list[str]:
    text = "".join("[[notify]]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for each in channels)
    (folder / "hoop.toml").write_text(text)
    try:
        load(folder / "hoop.toml")
    except ConfigurationError as error:
        return [problem.split(": ", 1)[1] for problem in error.problems]
    return []


def test_what_is_well(tmp_path: Path) -> None:
    assert problems(tmp_path, WEBHOOK, SLACK, EMAIL) == []
    assert problems(tmp_path, {**WEBHOOK, "url": '"vault:secret/hooks#url"'}) == []
    local = {**EMAIL, "server": '"127.0.0.1:25"', "encryption": '"none"'}
    assert problems(tmp_path, {**WEBHOOK, "url": '"http://127.0.0.1:8000/h"'}, local) == []


@pytest.mark.parametrize(
    ("channel", "change", "told"),
    [
        (WEBHOOK, {"url": '"http://x.example/h"'}, "notify.0.url: write https"),
        (WEBHOOK, {"url": '"https://u:p@x.example/"'}, "without user"),
        (WEBHOOK, {"url": '""'}, "notify.0.url: is missing"),
        (WEBHOOK, {"secret": '"hunter2"'}, "notify.0.secret: a secret reference"),
        (WEBHOOK, {"secret": '""'}, "notify.0.secret: is missing"),
        (WEBHOOK, {"to": '["a@b.example"]'}, "notify.0.to: means nothing to webhook"),
        (WEBHOOK, {"events": '["granted", "paid"]'}, "notify.0.events"),
        (WEBHOOK, {"targets": "['(']"}, "notify.0.targets.0"),
        (SLACK, {"url": '"https://hooks.slack.example/T/B/x"'}, "is a secret"),
        (SLACK, {"users": '[{id = "U01", issuer = "i", subject = "s"}]'}, "notify.0.secret: is missing"),
        (SLACK, {"users": '[{id = "u", issuer = "i", subject = "s"}]'}, "notify.0.users.0.id"),
        (SLACK, {"users": '[{id = "U01", isuer = "i", subject = "s"}]'}, "notify.0.users.0.isuer: unknown key"),
        (EMAIL, {"server": '"smtp.example.com"'}, "notify.0.server: write host:port"),
        (EMAIL, {"encryption": '"none"'}, "notify.0.encryption: none is for"),
        (EMAIL, {"login": '"hoop"'}, "notify.0.secret: is missing"),
        (EMAIL, {"sender": '"Hoop <hoop@example.com>"'}, "notify.0.sender"),
        (EMAIL, {"to": '["a@example.com\\nBcc: x@y.example"]'}, "notify.0.to"),
    ],
)
def test_what_is_wrong(tmp_path: Path, channel: dict[str, str], change: dict[str, str], told: str) -> None:
    found = problems(tmp_path, {**channel, **change})
    assert any(told in problem for problem in found), found


def test_one_slack_user_is_one_person(tmp_path: Path) -> None:
    twice = '[{id = "U01", issuer = "i", subject = "a"}, {id = "U01", issuer = "i", subject = "b"}]'
    found = problems(tmp_path, {**SLACK, "secret": '"env:S"', "users": twice})
    assert len(found) == 1 and "notify.0.users.1.id" in found[0]


def test_names_are_unique(tmp_path: Path) -> None:
    assert any("notify.1.name" in problem for problem in problems(tmp_path, WEBHOOK, WEBHOOK))


@given(st.text())
def test_any_text_is_a_url_or_a_sentence_why_not(text: str) -> None:
    assert isinstance(problem_with_url(text), str)
    assert isinstance(problem_with_url(f"https://{text}"), str)


def test_access_that_cannot_be_asked_for(tmp_path: Path) -> None:
    base = '[[targets]]\nname = "t"\nprotocol = "postgres"\nendpoint = "tcp:h:1"\ndatabase = "d"\nlogin = "l"\n'
    for more, told in (
        ('request_groups = ["a"]\n', "request_approvers: is missing"),
        ('request_longest = "1h"\n', "says nothing without request_groups"),
        ('request_groups = ["a"]\nrequest_approvers = ["b"]\nrequest_longest = "5s"\n', "request_longest"),
    ):
        (tmp_path / "hoop.toml").write_text(base + more)
        with pytest.raises(ConfigurationError, match=told):
            load(tmp_path / "hoop.toml")
