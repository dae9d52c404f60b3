"""What clients may send: a value or the documented error, never anything else."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from twisted_hoop.web import inputs, views

MODELS: list[type[BaseModel]] = [
    *(found for found in vars(inputs).values() if isinstance(found, type) and issubclass(found, BaseModel)),
    views.ApprovalQuery,
    views.SessionQuery,
    views.VoteBody,
    views.EndBody,
]
_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
)


@pytest.mark.parametrize("model", [m for m in MODELS if m is not BaseModel], ids=lambda model: model.__name__)
@given(data=st.data())
def test_anything_is_a_value_or_a_validation_error(model: type[BaseModel], data: Any) -> None:
    given_one = data.draw(_json | st.fixed_dictionaries({}, optional=dict.fromkeys(model.model_fields, _json)))
    with contextlib.suppress(ValidationError):
        model.model_validate(given_one)


@pytest.mark.parametrize("model", [m for m in MODELS if m is not BaseModel], ids=lambda model: model.__name__)
def test_unknown_members_are_refused(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({"nobody_knows": 1})


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\x7f"])
def test_names_hold_no_control_characters(text: str) -> None:
    """Databases refuse NUL: 400 here, not 503 there."""
    for model in (views.SessionQuery, views.ApprovalQuery):
        with pytest.raises(ValidationError):
            model.model_validate({"target": text})
