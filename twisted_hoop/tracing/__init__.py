"""Traces for OpenTelemetry: what sessions and commands took their time for, without what they were about."""
