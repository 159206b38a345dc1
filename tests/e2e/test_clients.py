"""clients/python and clients/typescript against a gateway and a worker as real processes.

Each plays the same day: a send whose answer is lost, an error that says how to repair it, a list of
several pages, a webhook, and a top-up that is waited for. The samples are also what the type checkers
read: a field that were unknown would not compile.
"""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.docs.pages import guide_text
from tests.clients.python_day import async_day, sync_day
from tests.e2e.conftest import Install
from tests.support import node
from tests.support.dropping_proxy import DroppingProxy, dropping_proxy
from tests.support.installation import ROOT, Installation
from tests.support.printed_blocks import blocks_of
from tests.support.receiver import Receiver

pytestmark = pytest.mark.one_database
TYPESCRIPT = ROOT / "clients/typescript"
README_BODY = re.compile(r"topup/send \\\n.*?-d '(\{.*?\})'", re.DOTALL)
# What has a default is not required.
README = (
    'import type {{ SendBody }} from "./client/index.js";\nexport const body: SendBody = {body};\n'
)


@pytest.fixture
def installation(install: Install) -> Installation:
    started = install()
    started.start()
    return started


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(installation: Installation) -> AsyncIterator[DroppingProxy]:
    async with dropping_proxy(installation.url) as opened:
        yield opened


async def test_both_clients_live_through_a_day(
    installation: Installation, proxy: DroppingProxy, receiver: Receiver, tmp_path: Path
) -> None:
    compiled = asyncio.create_task(asyncio.to_thread(compile_typescript, tmp_path))
    account_id = await installation.account(email="me@example.com")
    key = await installation.key(account_id)

    proxy.drops = 1
    await asyncio.to_thread(sync_day, proxy.url, key)
    repeated, *others = proxy.keys
    assert others.count(repeated) == 1, "the lost send was repeated under its own key"

    await async_day(installation.url, key, receiver)

    proxy.keys.clear()
    proxy.drops = 1
    script = await compiled
    done = await asyncio.to_thread(run_typescript, script, proxy.url, key)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "sent": 1,
        "repaired": "claude",
        "pages": 3,
        "event": "topup.delivered",
        "forged": "no signature fits",
        "without": ["topup.delivered", "InvalidSignature", "CannotVerify"],
        "waited": "delivered",
        "refused": "stop",
    }
    repeated, *others = proxy.keys
    assert others.count(repeated) == 1
    printed = await asyncio.to_thread(
        run_typescript, script.parent / "guide.js", installation.url, key
    )
    assert re.fullmatch(r"txn_\w{16} delivered\n", printed.stdout), printed
    assert await installation.findings() == []


def compile_typescript(folder: Path) -> Path:
    """The client and the day's script, by tsc --strict; the script's path."""
    modules = folder / "node_modules"
    modules.symlink_to(node.MODULES)
    (folder / "client").symlink_to(TYPESCRIPT / "src")
    (folder / "day.ts").write_bytes((ROOT / "tests/clients/typescript_day.ts").read_bytes())
    (folder / "ai_sdk.ts").write_bytes((TYPESCRIPT / "examples/ai_sdk.ts").read_bytes())
    (folder / "guide.ts").write_text(guide_sample(), encoding="utf-8")
    (folder / "readme.ts").write_text(README.format(body=printed_body()), encoding="utf-8")
    options = json.loads((TYPESCRIPT / "tsconfig.json").read_text(encoding="utf-8"))
    options["compilerOptions"] |= {
        "types": ["node"],
        "paths": {"topup-gateway-client": ["./client/index.ts"]},
        "rootDir": ".",
        "preserveSymlinks": True,
        "declaration": False,
        "sourceMap": False,
    }
    options["include"] = ["day.ts", "readme.ts", "ai_sdk.ts", "guide.ts"]
    (folder / "tsconfig.json").write_text(json.dumps(options), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    done = node.run_tool("tsc", "--project", folder)
    assert done.stdout == ""
    client = folder / "dist/client"
    (client / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    (folder / "dist/node_modules").mkdir()
    (folder / "dist/node_modules/topup-gateway-client").symlink_to(client)
    return folder / "dist/day.js"


def printed_body() -> str:
    """The first send of README.md, as it is printed there."""
    found = README_BODY.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def guide_sample() -> str:
    """The guide's sample as it is printed, but for the gateway's address, which is in the environment."""
    [text] = [block.text for block in blocks_of("start", guide_text("start")) if block.kind == "ts"]
    return text.replace('"$GATEWAY"', "process.env.GATEWAY!")


def run_typescript(script: Path, url: str, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node.NODE, script],
        env={**os.environ, "GATEWAY": url, "KEY": key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
