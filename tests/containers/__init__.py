"""compose.yaml built and run by podman: see `run`."""
