"""The `hoop` command."""
