"""schemathesis over /openapi.json, as a stranger would run it: with a staging key and no mercy.

No answer is a 5xx, each has a status, a type, headers and a body that the document names, bad
requests are refused, and so is every credential but the right one; what fits the document is taken
(tests/support/schemathesis_checks.py names what no schema can foretell). The ids of real things are
known to it, so that what changes and ends them is called too.

One kind of database has the document's examples and each value at the edge of what it allows, the
other one requests made at random, and walks from answer to answer by the document's links: that both
answer alike is held elsewhere, route by route.
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
from tests.support.openapi_check import the_document
from tests.support.sampled import Within
from tests.support.senders import client, order

SAMPLED = Within(6, "operations for schemathesis")
SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES_MAX = 5
# For a machine that does much else; alone it takes less than a minute.
TIMEOUT_S = 600
# In place of this one stands our own, with what no schema can foretell.
CHECK_LEFT_OUT = "positive_data_acceptance"
OFFERED = {"platform": ["claude"], "recipient_email": ["user@example.com"], "provider": ["epay"]}
SETTINGS = """
[phases.coverage]
unexpected-methods = ["TRACE"]
[phases.stateful]
max-steps = 8
# The document's own links: guessed ones are of other operations' names.
[phases.stateful.inference]
algorithms = []
[phases.stateful.generation]
max-examples = 20
"""
PHASES = {
    "postgresql": "examples,coverage",
    # Where there is no server, one kind does it all.
    "sqlite": "fuzzing,stateful" if SERVER_URL else "examples,coverage,fuzzing,stateful",
}
# It asks for proxies before each request, and that walks through all variables: half of what a request
# costs it; and for the user's home, where a file of passwords might be, unless one is named. The tables of characters are made once for a clone, where our own tests of hypothesis keep theirs.
ENVIRONMENT = {
    "SCHEMATHESIS_HOOKS": str(ROOT / "tests" / "support" / "schemathesis_checks.py"),
    "PATH": os.environ.get("PATH", ""),
    "NETRC": "/nonexistent",
    "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis"),
}
# The stream never ends.
LEFT_OUT = "/events/stream$"
# It ends the key of the run, and nothing is reached any more.
ENDS_THE_KEY = "delete_keys_self"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def installation(install: Install) -> Installation:
    started = install()
    started.start()
    return started


def left_out(kind: str) -> tuple[list[str], bool]:
    """Return the operations that the sample leaves out, and whether it has a link, for the states to follow."""
    operations = {
        operation["operationId"]: operation
        for path in the_document()["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    }
    number = ["sqlite", "postgresql"].index(kind)
    kept = {*SAMPLED.part([*operations], number=number)} - {ENDS_THE_KEY}
    has_link = any(
        link["operationId"] in kept
        for name in kept
        for response in operations[name]["responses"].values()
        for link in response.get("links", {}).values()
    )
    return sorted({*operations} - kept), has_link


@SAMPLED.mark
async def test_every_answer_is_as_the_document_says(
    installation: Installation, kind: str, tmp_path: Path
) -> None:
    key = await installation.key(await installation.account(email="me@example.com"))
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)
        (tmp_path / "schemathesis.toml").write_text(known(await things(http)))
        own = (await http.get("/keys/self")).json()["data"]["id"]

    excluded, has_link = left_out(kind)
    phases = PHASES[kind] if has_link else PHASES[kind].replace(",stateful", "")
    done = subprocess.run(  # noqa: ASYNC221 the gateway is another process
        [
            str(SCHEMATHESIS),
            "run",
            f"{installation.url}/openapi.json",
            f"--header=Authorization: Bearer {key}",
            "--checks=all",
            f"--exclude-checks={CHECK_LEFT_OUT}",
            f"--phases={phases}",
            f"--max-examples={EXAMPLES_MAX}",
            f"--exclude-path-regex={LEFT_OUT}",
            *(f"--exclude-operation-id={one}" for one in excluded),
            "--seed=1",
            "--no-color",
            "--continue-on-failure",
            "--generation-database=none",
        ],
        cwd=tmp_path,
        env={**ENVIRONMENT, "TOPUP_TEST_OWN_KEY_ID": own},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)
        # Without the key every call is refused alike, and the run would have said nothing.
        assert (await http.get("/keys/self")).status_code == 200


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
    """schemathesis's settings: in a path a real id more often than not, in a body what is offered."""
    lines = [SETTINGS]
    for name, values in (ids | OFFERED).items():
        listed = ", ".join(f'"{value}"' for value in values)
        lines.append(f"[dictionaries.{name}]\nvalues = [{listed}]\n")
    lines.append("[parameters]\n")
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}\n' for name in ids]
    lines += [
        f'"body.{name}" = {{ dictionary = "{name}", probability = 0.8 }}\n' for name in OFFERED
    ]
    return "".join(lines)
