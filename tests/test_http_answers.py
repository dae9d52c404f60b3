"""Answers before a target is known: kubectl and clients of plain APIs both find their own words in it."""

from __future__ import annotations

import json

from twisted_hoop.http.answers import early_answer


def test_it_is_a_status_and_a_problem() -> None:
    answer = early_answer(404, 'no "such" thing')
    told = json.loads(answer.body)
    assert (told["kind"], told["code"], told["reason"], told["message"]) == ("Status", 404, "NotFound", told["detail"])
    assert (b"www-authenticate", b'Bearer realm="hoop"') in early_answer(401, "x").headers
