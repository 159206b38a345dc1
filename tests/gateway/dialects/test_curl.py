"""The seeds' own requests, run by a real curl against a running gateway: the address and the token
are replaced, nothing else.
"""

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio

from tests.support.gateway import Gateway
from tests.support.programs import needed
from tests.support.recordings import form_of, recorded
from tests.support.redemption_codes import codes_of

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def token(gateway: Gateway) -> str:
    return await gateway.system_token(await gateway.account(email="me@example.com"))


async def curl(command: str) -> tuple[int, str]:
    """HTTP status and body."""
    needed("curl")
    # As it is pasted into a shell.
    line = command + " --silent --show-error --write-out '\\n%{http_code}'"
    running_curl = await asyncio.create_subprocess_exec(
        "sh", "-c", line, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await running_curl.communicate()
    assert running_curl.returncode == 0, command
    body, _, status = output.decode().rpartition("\n")
    return int(status), body


def newapi_commands(gateway: Gateway, token: str, **replaced: str) -> list[str]:
    text = recorded("newapi/curl.txt").replace("https://YOUR_NEWAPI_BASE_URL", gateway.url)
    for old, new in {"your-access-token": token, **replaced}.items():
        text = text.replace(old, new)
    return text.strip().split("\n\n")


async def test_newapis_four_commands_work_as_written(gateway: Gateway, token: str) -> None:
    [code] = await codes_of(gateway, 1000)
    commands = newapi_commands(gateway, token, **{"TOPUP-XXXX-XXXX-XXXX": code})
    assert len(commands) == 4

    info, pay, topup, history = [await curl(command) for command in commands]

    assert [status for status, _ in (info, pay, topup, history)] == [200] * 4
    assert json.loads(info[1])["success"] is True
    for name, (_, body) in (("pay", pay), ("topup", topup), ("self", history)):
        assert form_of(body) == form_of(recorded(f"newapi/{name}.json"))
    assert json.loads(topup[1])["data"] == 500_000
    assert {line["amount"] for line in json.loads(history[1])["data"]} == {10, 1}


async def test_newapis_example_code_is_nobodys(gateway: Gateway, token: str) -> None:
    status, body = await curl(newapi_commands(gateway, token)[2])

    assert (status, json.loads(body)["success"]) == (404, False)


async def test_resayils_requests_work_as_written(gateway: Gateway, token: str) -> None:
    bodies: list[Any] = []
    for request in recorded("resayil/requests.txt").strip().split("\n\n"):
        line, header = request.replace("YOUR_API_KEY", token).splitlines()
        method, url = line.split(" ")
        path = url.removeprefix("https://llmapi.resayil.io")
        status, body = await curl(f"curl -X {method} '{gateway.url}{path}' -H '{header}'")
        assert status == 200
        bodies.append(body)

    packs, history = bodies
    assert form_of(packs) == form_of(recorded("resayil/topup-packs.json"))
    assert json.loads(packs) == json.loads(recorded("resayil/topup-packs.json"))
    assert list(json.loads(history)) == list(json.loads(recorded("resayil/topup-history.json")))
    assert json.loads(history)["meta"] == {"current_page": 1, "per_page": 20, "total": 0}
