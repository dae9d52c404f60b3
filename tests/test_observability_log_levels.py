"""A factory a level: what is below stays out."""

from __future__ import annotations

import io
import json
from functools import partial

import pytest
from twisted.logger import Logger

from twisted_hoop.observability import log_levels
from twisted_hoop.tap import LEVELS


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_a_factory_that_filters(level: str) -> None:
    factory = getattr(log_levels, level)
    assert isinstance(factory, partial)
    stream = io.StringIO()
    logger = Logger(observer=factory.func(stream, *factory.args[1:]))
    for each in LEVELS:
        getattr(logger, each)("said")
    said = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]
    assert said == list(LEVELS[LEVELS.index(level) :])
