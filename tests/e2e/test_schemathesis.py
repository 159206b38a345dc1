"""schemathesis over /openapi.json, as a stranger would run it: with a staging key and no mercy.

No answer is a 5xx, each has a status, a type, headers and a body that the document names, bad
requests are refused, and so is every credential but the right one. The ids of real things are known
to it, so that what changes and ends them is called too.

One kind of database has the document's examples and each value at the edge of what it allows, the
other one the requests made at random: that both answer alike is held elsewhere, route by route.
"""

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import SERVER_URL, Install
from tests.support.installation import API, ROOT, Installation
from tests.support.senders import client, order

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES_MAX = 5
# For a machine that does much else; alone it takes less than a minute.
TIMEOUT_S = 600
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
PHASES = {
    "postgresql": "examples,coverage",
    # Where there is no server, one kind does it all.
    "sqlite": "fuzzing" if SERVER_URL else "examples,coverage,fuzzing",
}
# It asks for proxies before each request, and that walks through all variables: half of what a request
# costs it. The tables of characters are made once for a clone, where our own tests of hypothesis keep theirs.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis"),
}
# The stream never ends; a bulk send answers for a wrong item among its items, and takes the call.
LEFT_OUT = "(/events/stream|/topup/bulk)$"


@pytest.fixture
def installation(install: Install) -> Installation:
    started = install()
    started.start()
    return started


async def test_every_answer_is_as_the_document_says(
    installation: Installation, kind: str, tmp_path: Path
) -> None:
    key = await installation.key(await installation.account(email="me@example.com"))
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)
        (tmp_path / "schemathesis.toml").write_text(known(await things(http)))

    done = subprocess.run(  # noqa: ASYNC221 the gateway is another process
        [
            str(SCHEMATHESIS),
            "run",
            f"{installation.url}/openapi.json",
            f"--header=Authorization: Bearer {key}",
            f"--checks={','.join(CHECKS)}",
            f"--phases={PHASES[kind]}",
            f"--max-examples={EXAMPLES_MAX}",
            f"--exclude-path-regex={LEFT_OUT}",
            "--seed=1",
            "--no-color",
            "--continue-on-failure",
            "--generation-database=none",
        ],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


async def things(http: httpx.AsyncClient) -> dict[str, list[str]]:
    """Ids of what there is to show, change and end, by the names that the paths give them."""

    async def made(path: str, **body: Any) -> dict[str, Any]:
        answer = await http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    endpoint = await made("/webhooks/register", url="http://127.0.0.1:9009/hook")
    sent = await made("/topup/send", **order(1000))
    waiting = [
        await made("/topup/send", **order(1000, email="pending@sandbox.test")) for _ in range(3)
    ]
    asked = [
        await made("/topup/send", **order(1000, email="approval@sandbox.test")) for _ in range(3)
    ]
    holds = [await made("/holds", credits=10, description="A hold") for _ in range(3)]
    deliveries = (await http.get("/deliveries")).json()["data"]["items"]
    return {
        "transaction_id": [one["transaction_id"] for one in (sent, *waiting)],
        "approval_id": [one["data"]["approval"]["id"] for one in asked],
        "code": [sent["data"]["voucher_code"]],
        "endpoint_id": [endpoint["data"]["id"]],
        "delivery_id": [one["id"] for one in deliveries],
        "event_id": [one["event_id"] for one in deliveries],
        "replay_id": [(await made(f"/webhooks/{endpoint['data']['id']}/replay"))["data"]["id"]],
        "hold_id": [one["data"]["id"] for one in holds],
        "key_id": [(await made("/keys", name="A child"))["data"]["id"] for _ in range(3)],
        "token_id": [(await made("/tokens"))["data"]["id"] for _ in range(3)],
    }


def known(ids: dict[str, list[str]]) -> str:
    """schemathesis's settings: in a path, a real id more often than not."""
    lines = []
    for name, values in ids.items():
        listed = ", ".join(f'"{value}"' for value in values)
        lines.append(f"[dictionaries.{name}]\nvalues = [{listed}]\n")
    lines.append("[parameters]\n")
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}\n' for name in ids]
    return "".join(lines)
