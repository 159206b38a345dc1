"""Each guide can be followed from top to bottom: every block of code of it runs as it is printed, and answers as it says."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from gateway.docs.pages import GUIDES, path_of
from tests.e2e.conftest import WorkingSet
from tests.e2e.guide_begins import BEGINS
from tests.e2e.guide_reader import OWN_RECEIVER, Reader
from tests.support.installation import ROOT, Installation
from tests.support.plain_http import http_client
from tests.support.printed_blocks import Block, blocks_of, read_json
from tests.support.printed_shape import differences
from tests.support.receiver import Receiver
from tests.support.sample_programs import Program, run_python
from tests.support.sampled import Within, is_whole

pytestmark = pytest.mark.one_database

SAMPLED = Within(3, "guides")
# Blocks that nothing runs, by their first line, and why.
NOT_RUN: Final[Mapping[str, str]] = {
    "topup login --url $GATEWAY": "a person allows it in a browser; tests/cli/client and the login's tests do",
    "topup listen --forward http://localhost:3000/hook": "goes on until it is stopped; tests/e2e/test_listen.py",
    "topup certify http://localhost:3000/hook --secret @secret.txt \\": "tries the reader's receiver; test_certify.py",
    'import { Client } from "topup-gateway-client";    // npm pack in clients/typescript': (
        "is compiled first; tests/e2e/test_clients.py"
    ),
    "async function isGenuine(headers, body, secret) {": "test_signature_checks.py calls it",
    "import (": "it calls this one in Go",
    "<?php": "in PHP",
    'require "openssl"': "in Ruby",
    "import java.nio.charset.StandardCharsets;": "and in Java",
    'import { createPublicKey, verify } from "node:crypto";': "test_pages.py calls it",
}
# JSON that is no answer: what it is.
DATA: Final = {
    "mcp": "files of an MCP client, whose address tests/e2e/test_mcp_sign_in.py signs in at"
}
# Calls that are refused as they stand, by page and the path's end: what for.
REFUSED: Final[Mapping[tuple[str, str], int]] = {
    ("errors", "/topup/send"): 402,  # it is what the page is about
    ("x402", "/x402/topup"): 402,  # it asks for the price
    ("dialects", "/api/user/topup"): 404,  # a code is to be had first
    ("dialects", "/api/v1/user/oauth/issue-token"): 401,  # an app, and a person's consent
}
# Fields that are answered as they are printed, to the letter.
EXACT: Final = {"success", "code", "message", "status", "statusCode", "amount_cents", "credits"}
EXCERPTS: Final = {"http", "text"}
SIGNATURE_CHECK: Final = """
given = json.loads(os.environ["DELIVERY"])
headers, body = httpx.Headers(given["headers"]), given["body"].encode()
key = given[os.environ["CHECKED_BY"]]
print(is_genuine(headers, body, key), is_genuine(headers, body + b" ", key))
"""


@pytest.fixture
def installation(working_set: WorkingSet) -> Installation:
    started = working_set.make("sqlite")
    started.start()
    return started


@SAMPLED.mark
async def test_every_guide_runs_as_it_is_printed(
    installation: Installation, receiver: Receiver, tmp_path: Path
) -> None:
    faults, seen = [], set()
    async with http_client(base_url=installation.url) as client:
        pages = {
            name: (await client.get(f"{path_of(name)}.md")).text
            for name in SAMPLED.part(list(GUIDES))
        }
    programs: list[tuple[Block, Program]] = []
    for name, text in pages.items():
        reader = await new_reader(installation, receiver, tmp_path / name)
        blocks = blocks_of(name, text.replace(OWN_RECEIVER, receiver.url))
        if name in BEGINS:
            await BEGINS[name](reader)
        printed = None
        for block in blocks:
            seen.add(block.text.partition("\n")[0].replace(installation.url, "$GATEWAY"))
            faults += await follow(reader, block, printed)
            printed = block
        programs += [
            (block, python_of(reader, block))
            for block in blocks
            if block.kind == "python" and not block.file
        ]
    said = await run_python([program for _, program in programs], tmp_path, ROOT / "clients/python")
    faults += [
        f"{block.place}: {text}"
        for (block, _), text in zip(programs, said, strict=True)
        if not has_run(block, text)
    ]

    assert not faults, "\n".join(faults)
    assert not is_whole() or seen >= NOT_RUN.keys(), "a line of NOT_RUN is printed nowhere any more"
    assert await installation.findings() == []


async def new_reader(installation: Installation, receiver: Receiver, folder: Path) -> Reader:
    folder.mkdir()
    account_id = await installation.account(email=f"{folder.name}@example.com")
    key, approver_key = await installation.key(account_id), await installation.key(account_id)
    env = {"KEY": key, "TOKEN": key, "APPROVER_KEY": approver_key, "ACCOUNT": account_id}
    return Reader(installation, folder, env, account_id)


async def follow(reader: Reader, block: Block, before: Block | None) -> list[str]:
    """What goes otherwise than the page says."""
    first = block.first_line.replace(reader.installation.url, "$GATEWAY")
    if block.file:
        reader.write(block.file, block.text + "\n")
        return []
    if first in NOT_RUN or block.kind in EXCERPTS or block.kind == "python":
        return []
    if block.kind == "sh":
        said = await reader.shell(block)
        return [] if has_answered(reader, block) else [f"{block.place}: {said}"]
    if (
        block.kind == "json"
        and before is not None
        and before.kind == "sh"
        and block.page not in DATA
    ):
        printed = read_json(reader.in_words(block.text))
        shape = differences(printed, reader.answers[-1].body, exact=EXACT)
        return [f"{block.place}: {one}" for one in shape]
    if block.kind == "json" and block.page in DATA:
        json.loads(block.text)
        return []
    return [f"{block.place}: say what it is: {block.kind!r}"]


def has_answered(reader: Reader, block: Block) -> bool:
    """Whether each call was taken, or refused as the page is about."""
    paths = re.findall(r"https?://[^/\s\"]+(/[^\s\"?]*)", block.text) or [""]
    if "curl -N" in block.text:
        return True
    if len(paths) < len(reader.answers):
        return False
    wanted = [
        next(
            (
                status
                for (page, end), status in REFUSED.items()
                if page == block.page and path.endswith(end)
            ),
            0,
        )
        for path in paths
    ]
    return bool(reader.answers) and all(
        answer.status == status if status else answer.status < 400
        for answer, status in zip(reader.answers, wanted, strict=False)
    )


def python_of(reader: Reader, block: Block) -> Program:
    is_check = "def is_genuine" in block.text
    text = f"import httpx, json, os\n{block.text}\n{SIGNATURE_CHECK}" if is_check else block.text
    checked_by = "public_key" if "public_key" in block.text else "secret"
    return Program(block.place, text, {**reader.env, "CHECKED_BY": checked_by})


def has_run(block: Block, said: str) -> bool:
    if "def is_genuine" in block.text:
        return said == "True False\n"
    return bool(said) and "Traceback" not in said
