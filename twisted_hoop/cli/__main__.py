"""`python -m twisted_hoop.cli`: the `hoop` command where its script is not on the PATH."""

from __future__ import annotations

from twisted_hoop.cli.main import main

main()
