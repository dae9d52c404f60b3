"""Traces for OpenTelemetry: where spans are sent."""

from __future__ import annotations

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class TracingSection(Section):
    """[tracing]: a span for each session and command, sent by OTLP over HTTP as JSON."""

    url: str = ""
    """Where to: `http://127.0.0.1:4318/v1/traces`; empty: nothing is traced."""
    authorization: str = ""
    """Value of the Authorization header, as a secret reference; empty: none is sent."""
    ca: str = ""
    """CA bundle for the collector, when not the system's."""
    sample: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of sessions that are traced, each with all its commands."""
    every: Duration = Field(default=5.0, ge=0.05, le=300.0)
    """How often what is finished is sent."""
