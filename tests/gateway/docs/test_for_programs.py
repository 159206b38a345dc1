"""What the documentation has for programs: the agent's two calls, Markdown, compression, known addresses."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from gateway.answers.compression import BYTES_MIN
from gateway.answers.response_codes import CODES
from gateway.docs.pages import GUIDES, PLACEHOLDER, path_of
from gateway.docs.plain_text import overview
from gateway.docs.reference import resources
from gateway.http.documents import prefers_html, prefers_markdown
from gateway.mcp.tools import TOOLS
from kernel.clock import FixedClock
from runtime.settings import SettingsError
from tests.support.gateway import Gateway, running, settings_of
from tests.support.openapi_check import the_document
from tests.support.programs import needed

pytestmark = pytest.mark.one_database

LISTED = resources(the_document(), PLACEHOLDER)
OPERATIONS = [one for resource in LISTED for one in resource.operations]
CURL = shutil.which("curl")


async def test_the_plain_text_has_every_call_code_and_guide(gateway: Gateway) -> None:
    everything = (await gateway.client.get("/llms-full.txt")).text

    for operation in OPERATIONS:
        assert f"`{operation.method} {operation.path}`" in everything
    for row in CODES.values():
        assert f"| {row.code} | {row.message} |" in everything
    assert PLACEHOLDER not in everything
    assert "$GATEWAY" not in everything


async def test_the_overview_is_short_and_its_lines_run_as_typed(gateway: Gateway) -> None:
    if CURL is None:
        needed("curl")
        return
    text = (await gateway.client.get("/llms.txt")).text
    typed = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))

    shell = await asyncio.create_subprocess_exec("sh", "-c", typed, stdout=asyncio.subprocess.PIPE)
    said, _ = await shell.communicate()

    assert len(text.encode()) < 2_000
    assert text.startswith("# Topup Gateway\n\n> ")
    assert json.loads(said)["code"] == 1001
    for path in re.findall(rf"\({re.escape(gateway.url)}(/[^)]+)\)", text):
        assert (await gateway.client.get(path)).status_code == 200, path


def test_where_nobody_may_open_a_sandbox_account_none_is_offered() -> None:
    assert "/keys/sandbox" in overview("https://pay.example.com", is_open=True)
    assert "/keys/sandbox" not in overview("https://pay.example.com", is_open=False)


@pytest.mark.parametrize(
    ("accept", "is_markdown"),
    [
        ("", False),
        ("*/*", False),
        ("text/markdown", True),
        ("text/markdown, text/html;q=0.9, */*", True),
        ("text/html, text/markdown;q=0.5", False),
        ("text/markdown;q=0", False),
        ("text/markdown;q=high", False),
        ("TEXT/MARKDOWN ; Q=1", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        (";;,=," * 1_000, False),
    ],
)
def test_markdown_is_for_whoever_names_it(accept: str, is_markdown: bool) -> None:
    assert prefers_markdown(accept) is is_markdown


@pytest.mark.parametrize(
    ("accept", "is_html"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/schema+json", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html;q=0.1, application/json", False),
        ("text/html;q=0", False),
    ],
)
def test_html_stands_before_json_for_whoever_names_it(accept: str, is_html: bool) -> None:
    assert prefers_html(accept) is is_html


async def test_every_page_is_also_markdown(gateway: Gateway) -> None:
    asked = {"Accept": "text/markdown"}
    pages = [path_of(name) for name in GUIDES] + ["/docs/codes", "/docs/api", "/docs/events"]
    pages += [f"/docs/api/{one.slug}" for one in LISTED]
    for path in pages:
        by_name = await gateway.client.get(f"{path}.md")
        by_accept = await gateway.client.get(path, headers=asked)
        assert (by_name.status_code, by_name.text) == (200, by_accept.text), path
        assert by_name.headers["content-type"] == "text/markdown; charset=utf-8"
        assert by_accept.headers["vary"].startswith("Accept")
        assert by_name.text.startswith("# ")
        assert PLACEHOLDER not in by_name.text
        assert "$GATEWAY" not in by_name.text

    landing = await gateway.client.get("/", headers=asked)
    assert landing.text == (await gateway.client.get("/llms.txt")).text
    assert (await gateway.client.get("/docs/api/nothing.md")).status_code == 404


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_documents_are_compressed_where_the_client_asks(
    gateway: Gateway, coding: str
) -> None:
    async with gateway.client.stream(
        "GET", "/openapi.json", headers={"Accept-Encoding": coding}
    ) as answer:
        sent = b"".join([part async for part in answer.aiter_raw()])
    plain = await gateway.client.get("/openapi.json", headers={"Accept-Encoding": "identity"})

    assert answer.headers["content-encoding"] == coding
    assert len(sent) * 8 < len(plain.content)
    assert "content-encoding" not in plain.headers


async def test_nothing_with_a_secret_is_compressed(gateway: Gateway) -> None:
    asked = {"Accept-Encoding": "zstd, br, gzip"}
    key = await gateway.key(await gateway.account())

    sign_in = await gateway.client.get("/dashboard/sign-in", headers=asked)
    keys = await gateway.call("GET", "/codes", key=key, headers=asked)

    assert min(len(sign_in.content), len(keys.content)) > BYTES_MIN
    assert "content-encoding" not in sign_in.headers
    assert "content-encoding" not in keys.headers


async def test_the_statement_is_compressed_and_whole(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    asked = {"Accept-Encoding": "br"}

    answer = await gateway.call("GET", "/topup/statement", key=key, headers=asked)

    assert answer.headers["content-encoding"] == "br"
    assert answer.json()["data"]["opening_balance_cents"] == 0


async def test_well_known_addresses_name_what_is_there(gateway: Gateway) -> None:
    catalogue = await gateway.client.get("/.well-known/api-catalog")
    card = (await gateway.client.get("/.well-known/agent-card.json")).json()

    assert catalogue.headers["content-type"].startswith("application/linkset+json")
    targets = [
        link["href"]
        for context in catalogue.json()["linkset"]
        for relation, links in context.items()
        if relation != "anchor"
        for link in links
    ]
    assert f"{gateway.url}/openapi.json" in targets
    for target in [*targets, card["documentationUrl"]]:
        assert (await gateway.client.get(target)).status_code == 200, target
    assert {skill["id"] for skill in card["skills"]} <= set(TOOLS)
    assert (await gateway.client.get("/.well-known/security.txt")).status_code == 404


async def test_who_runs_it_says_whom_to_tell_of_a_weakness(
    sqlite_template: Path, tmp_path: Path, clock: FixedClock
) -> None:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    told = {"security_contact": "mailto:security@example.com"}
    settings = settings_of(
        f"sqlite:///{database}", tmp_path, public_url="https://pay.example.com", **told
    )
    async with running(settings, clock) as gateway:
        answer = await gateway.client.get(
            "/.well-known/security.txt", headers={"Host": "pay.example.com"}
        )

    # 90 days after the fixed clock's 13 June 2026.
    assert answer.text.splitlines() == [
        "Contact: mailto:security@example.com",
        "Expires: 2026-09-11T12:00:00Z",
        "Canonical: https://pay.example.com/.well-known/security.txt",
    ]
    with pytest.raises(SettingsError, match="TOPUP_SECURITY_CONTACT"):
        settings_of(f"sqlite:///{database}", tmp_path, security_contact="security@example.com")
