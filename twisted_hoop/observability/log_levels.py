"""JSON logs on stderr, one factory a level: twistd takes a logger by its dotted name only."""

from __future__ import annotations

import sys
from functools import partial

from twisted_hoop.observability.logs import json_log

debug = partial(json_log, sys.stderr, "debug")
info = partial(json_log, sys.stderr, "info")
warn = partial(json_log, sys.stderr, "warn")
error = partial(json_log, sys.stderr, "error")
critical = partial(json_log, sys.stderr, "critical")
