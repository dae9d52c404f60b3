"""`hoop whoami`."""

from __future__ import annotations

import json

from click.testing import CliRunner

from tests.support.api import Api
from tests.support.approvals import ISSUER
from twisted_hoop.cli.main import cli


def test_whoami(api: Api) -> None:
    token = api.token("carol", act={"sub": "agent-7", "iss": ISSUER}, preferred_username="Carol\x1b[31m")
    environment = {"HOOP_URL": api.url, "HOOP_TOKEN": token}
    said = CliRunner().invoke(cli, ["whoami"], env=environment)
    assert said.exit_code == 0 and "agent-7" in said.output and "auditor" in said.output and "\x1b" not in said.output
    assert json.loads(CliRunner().invoke(cli, ["whoami", "--json"], env=environment).output)["subject"] == "carol"
