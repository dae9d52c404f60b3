"""The REST API and, later, the console."""
