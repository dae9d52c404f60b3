"""Kubernetes: requests of kubectl, Helm and client libraries, understood one by one, on the engine of `http`."""
