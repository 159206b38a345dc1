"""clients/python and clients/typescript against a gateway and a worker as real processes.

Each plays the same day: a send whose answer is lost, an error that says how to repair it, a list of
several pages, a webhook, and a top-up that is waited for. The samples are also what the type checkers
read: a field that were unknown would not compile.
"""

import asyncio
import json
import os
import re
import secrets
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
from tests.support.flaky_gateway import (
    BUSY,
    FUNDED,
    LIMITED,
    LIMITED_FOR_LONG,
    SILENT,
    WRONG,
    FlakyGateway,
    Reply,
)
from tests.support.installation import ROOT, Installation
from tests.support.printed_blocks import Block, blocks_of
from tests.support.receiver import Receiver
from tests.support.sample_programs import Program, run_python
from tests.support.scripted_vendors import ScriptedAnthropic
from tests.support.signature_vectors import CHECKS, PUBLIC_KEY, SECRET, SECRETS_ALONE, vectors

pytestmark = pytest.mark.one_database
TYPESCRIPT = ROOT / "clients/typescript"
SCRIPTS = {
    "day.ts": "tests/clients/typescript_day.ts",
    "x402_day.ts": "tests/clients/x402_day.ts",
    "vectors_day.ts": "tests/clients/vectors_day.ts",
    "retries_day.ts": "tests/clients/retries_day.ts",
    "ai_sdk_day.ts": "tests/clients/ai_sdk_day.ts",
    "ai_sdk.ts": "clients/typescript/examples/ai_sdk.ts",
}
# What the samples of the clients' READMEs take for granted.
README_URL = "http://127.0.0.1:8000"
GIVEN = """
declare const env: { WALLET: `0x${string}`; WEBHOOK_SECRET: string };
declare const request: Request;
"""
# What begins each line of a printed error.
PRINTED = ["2013 Payment required", "next", "guide", "docs", "request"]
README_BODY = re.compile(r"topup/send \\\n.*?-d '(\{.*?\})'", re.DOTALL)
# What has a default is not required.
README = 'import type {{ types }} from "./client/index.js";\nexport const body: types.SendBody = {body};\n'


@pytest.fixture
def installation(install: Install) -> Installation:
    started = install()
    started.start()
    return started


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(installation: Installation) -> AsyncIterator[DroppingProxy]:
    async with dropping_proxy(installation.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of SCRIPTS and the client, compiled by `tsc --strict`."""
    return compile_typescript(tmp_path_factory.mktemp("typescript"))


def test_the_typescript_client_takes_what_is_genuine_and_nothing_else(compiled: Path) -> None:
    given = [
        ({key: value for key, value in headers.items() if key != dropped}, body.hex(), key)
        for (headers, body), _ in vectors().values()
        for dropped, key in CHECKS
    ]
    expected = [
        "endpoint.test"
        if is_genuine or (key == PUBLIC_KEY and name in SECRETS_ALONE)
        else "refused"
        for name, (_, is_genuine) in vectors().items()
        for _, key in CHECKS
    ]

    done = run_typescript(compiled / "vectors_day.js", given="\n".join(map(json.dumps, given)))

    assert done.stdout.splitlines() == expected, done.stderr


@pytest.mark.parametrize(
    ("first", "call", "calls", "said"),
    [
        (BUSY, "keyed", 2, "answered"),
        (LIMITED, "keyed", 2, "answered"),
        (SILENT, "keyed", 2, "answered"),
        (LIMITED_FOR_LONG, "keyed", 1, "TryLater"),
        (WRONG, "keyed", 1, "BadRequest"),
        (BUSY, "keyless", 1, "TryLater"),
        (SILENT, "keyless", 1, "ConnectionFailed"),
    ],
)
def test_the_typescript_client_repeats_with_the_same_key_alone(
    compiled: Path, first: Reply, call: str, calls: int, said: str
) -> None:
    gateway = FlakyGateway(first, FUNDED)
    with gateway:
        done = run_typescript(compiled / "retries_day.js", gateway.url, call)

    assert done.stdout.partition(":")[0].strip() == said, done.stderr
    assert len(gateway.keys) == calls
    assert len(set(gateway.keys)) == 1
    assert (gateway.keys[0] is None) == (call == "keyless")


def test_the_typescript_client_prints_no_key_that_a_header_cannot_carry(compiled: Path) -> None:
    done = run_typescript(compiled / "retries_day.js", "http://127.0.0.1:9", "mistyped")

    assert done.stdout == "RangeError: The API key must be one line of ASCII characters.\n"


async def test_both_clients_live_through_a_day(
    installation: Installation,
    proxy: DroppingProxy,
    receiver: Receiver,
    compiled: Path,
    tmp_path: Path,
) -> None:
    account_id = await installation.account(email="me@example.com")
    key = await installation.key(account_id)

    proxy.drops = 1
    await asyncio.to_thread(sync_day, proxy.url, key)
    repeated, *others = proxy.keys
    assert others.count(repeated) == 1, "the lost send was repeated under its own key"

    await async_day(installation.url, key, receiver)

    proxy.keys.clear()
    proxy.drops = 1
    done = await asyncio.to_thread(run_typescript, compiled / "day.js", proxy.url, key)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "sent": 1,
        "repaired": "claude",
        "pages": 3,
        "event": "topup.delivered",
        "forged": "No signature matches.",
        "without": ["topup.delivered", "InvalidSignature", "CannotVerify"],
        "waited": "delivered",
        "refused": "stop",
    }
    repeated, *others = proxy.keys
    assert others.count(repeated) == 1
    paid = await asyncio.to_thread(run_typescript, compiled / "x402_day.js", proxy.url, key)
    assert json.loads(paid.stdout or "{}") == {
        "code": 1001,
        "isSame": True,
        "payer": True,
        "printed": PRINTED,
    }, paid.stderr
    with ScriptedAnthropic() as vendor:
        said = await asyncio.to_thread(
            run_typescript, compiled / "ai_sdk_day.js", installation.url, key, vendor.url
        )
    assert json.loads(said.stdout or "{}")["code"] == 1001, said.stderr
    printed = await asyncio.to_thread(run_typescript, compiled / "guide.js", installation.url, key)
    assert re.fullmatch(r"txn_\w{16} delivered\n", printed.stdout), printed
    for block, said_of_it in await run_python_readme(installation.url, key, tmp_path):
        assert said_of_it, block.place
        assert "Traceback" not in said_of_it, f"{block.place}: {said_of_it}"
    assert await installation.findings() == []


async def run_python_readme(url: str, key: str, folder: Path) -> list[tuple[Block, str]]:
    """Run the samples of clients/python/README.md; return what each printed."""
    (headers, body), _ = vectors()["right"]
    given = f"class request:\n    headers, body = {dict(headers)!r}, {body!r}\n"
    env = {"KEY": key, "WEBHOOK_SECRET": SECRET, "WALLET": f"0x{secrets.token_hex(32)}"}
    text = (ROOT / "clients/python/README.md").read_text(encoding="utf-8")
    blocks = [block for block in blocks_of("README", text) if block.kind == "python"]
    programs = [
        Program(block.place, f"{given}{block.text}\nprint('ran')".replace(README_URL, url), env)
        for block in blocks
    ]
    return list(
        zip(blocks, await run_python(programs, folder, ROOT / "clients/python"), strict=True)
    )


def compile_typescript(folder: Path) -> Path:
    """Compile the client and the scripts; return their folder."""
    modules = folder / "node_modules"
    modules.symlink_to(node.MODULES)
    (folder / "client").symlink_to(TYPESCRIPT / "src")
    for name, source in SCRIPTS.items():
        (folder / name).write_bytes((ROOT / source).read_bytes())
    (folder / "guide.ts").write_text(guide_sample(), encoding="utf-8")
    (folder / "readme.ts").write_text(README.format(body=printed_body()), encoding="utf-8")
    text = (TYPESCRIPT / "README.md").read_text(encoding="utf-8")
    for block in blocks_of("README", text):
        if block.kind == "ts":
            (folder / f"readme_{block.number}.ts").write_text(GIVEN + block.text, encoding="utf-8")
    options = json.loads((TYPESCRIPT / "tsconfig.json").read_text(encoding="utf-8"))
    options["compilerOptions"] |= {
        "types": ["node"],
        "paths": {"topup-gateway-client": ["./client/index.ts"]},
        "rootDir": ".",
        "preserveSymlinks": True,
        "declaration": False,
        "sourceMap": False,
    }
    options["include"] = ["readme*.ts", "guide.ts", *SCRIPTS]
    (folder / "tsconfig.json").write_text(json.dumps(options), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    done = node.run_tool("tsc", "--project", folder)
    assert done.stdout == ""
    client = folder / "dist/client"
    (client / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    (folder / "dist/node_modules").mkdir()
    (folder / "dist/node_modules/topup-gateway-client").symlink_to(client)
    return folder / "dist"


def printed_body() -> str:
    """The first send of README.md, as it is printed there."""
    found = README_BODY.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def guide_sample() -> str:
    """The guide's sample as it is printed, but for the gateway's address, which is in the environment."""
    [text] = [block.text for block in blocks_of("start", guide_text("start")) if block.kind == "ts"]
    return text.replace('"$GATEWAY"', "process.env.GATEWAY!")


def run_typescript(
    script: Path, url: str = "", key: str = "", vendor_url: str = "", given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node.NODE, script],
        env={**os.environ, "GATEWAY": url, "KEY": key, "VENDOR": vendor_url},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
