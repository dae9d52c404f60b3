"""Several processes on one machine, one gateway: a parent that listens and watches, and workers that do the work."""
