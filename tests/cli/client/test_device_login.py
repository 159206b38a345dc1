"""`topup login` by the browser and `topup logout --revoke`, against a gateway on a loopback port."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.client.conftest import Ran
from tests.support.browser import Browser, csrf_of, signed_in
from tests.support.gateway import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/dashboard/cli"


async def allow(browser: Browser, code: str) -> None:
    html = (await browser.get(f"{PATH}?code={code}")).text
    fields = {
        "csrf_token": csrf_of(html),
        "environment": "staging",
        "code": code,
        "target": "staging",
        "life_days": "1",
        "is_own": "1",
        "scopes": ["topup:read", "topup:send"],
        "decision": "allow",
    }
    answer = await browser.send(PATH, fields, headers={})
    assert answer.status_code == 200, answer.text


async def test_a_login_by_the_browser_keeps_a_key_and_logout_ends_it(
    shared_gateway: Gateway, ran: Ran, tmp_path: Path
) -> None:
    browser = await signed_in(shared_gateway, "cli@example.com")
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "login", "--url", shared_gateway.url),
        *("--name", "build box", "--json"),
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert command.stderr is not None
    first = (await command.stderr.readline()).decode()
    code = re.fullmatch(r"your code: ([A-Z]{4}-[A-Z]{4})\n", first)
    assert code is not None, first
    await allow(browser, code[1])
    out, rest = await command.communicate()
    key = json.loads((tmp_path / "topup" / "profiles.json").read_text())["default"]["api_key"]
    used = await ran("whoami", "--json")
    ended = await ran("logout", "--revoke", "--json")
    (listed,) = await shared_gateway.context.database.read(
        lambda tx: tx.fetch("SELECT revoked_at FROM api_keys WHERE name = 'topup on build box'")
    )

    assert command.returncode == 0, rest
    assert json.loads(out)["name"] == "topup on build box"
    assert f"{shared_gateway.url}{PATH}?code={code[1]}" in rest.decode()
    assert key not in (out + rest).decode()
    assert json.loads(used.stdout)["scopes"] == ["topup:send", "topup:read"]
    assert json.loads(ended.stdout) == {"forgotten": "default", "revoked": True}
    assert listed["revoked_at"] is not None
    assert (await ran("whoami")).exit_code == 2


async def test_a_server_that_is_no_gateway_is_told_apart(ran: Ran, shared_gateway: Gateway) -> None:
    away = await ran("login", "--url", "http://127.0.0.1:1")
    long_name = await ran("login", "--url", shared_gateway.url, "--name", "n" * 200)

    assert away.exit_code == 3
    assert "cannot be reached" in away.stderr
    assert long_name.exit_code == 1
    assert "(code 2007)" in long_name.stderr
