"""The documentation's pages: whole, true to the code, and with samples that run."""

import ast
import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from billing.credits.unpaid_credit import OPENING_TEST_CREDIT_CENTS, SANDBOX_FUNDING_PER_DAY_CENTS
from gateway.answers.response_codes import CODES, NextAction
from gateway.docs import samples
from gateway.docs.code_notes import NOTES
from gateway.docs.markdown import anchor_of, headings, to_html
from gateway.docs.negotiation import prefers_markdown
from gateway.docs.pages import GUIDES, PLACEHOLDER, guide_text, path_of
from gateway.docs.plain_text import overview
from gateway.docs.reference import Operation, resources
from gateway.http.compression import BYTES_MIN
from gateway.http.rate_limit import BURST_S
from gateway.mcp.tools import TOOLS
from kernel.clock import DAY_US, FixedClock
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX, PAGE_ITEMS, PAGE_ITEMS_MAX
from keys.principal import ADMIN, SCOPES
from keys.signing import signature_headers
from runtime.settings import Settings, SettingsError
from store.idempotency import KEPT_US
from tests.support.gateway import Gateway, running, settings_of
from tests.support.openapi_check import the_document
from tests.support.programs import needed

pytestmark = pytest.mark.one_database

LISTED = resources(the_document(), PLACEHOLDER)
OPERATIONS = [one for resource in LISTED for one in resource.operations]
SEND = next(one for one in OPERATIONS if one.path.endswith("/topup/send"))
NODE = shutil.which("node")
CURL = shutil.which("curl")


class Page(HTMLParser):
    """What a page links to, and the anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.add(str(given["href"]))
        if given.get("id"):
            self.anchors.add(str(given["id"]))


async def test_every_link_of_every_page_leads_somewhere(gateway: Gateway) -> None:
    pages: dict[str, Page] = {}
    waiting = {"/docs"}
    while waiting:
        path = waiting.pop()
        answer = await gateway.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        pages[path] = Page(answer.text)
        if path.startswith("/docs"):
            found = {link.partition("#")[0] for link in pages[path].links if link[0] == "/"}
            waiting |= found - {*pages, "/", "/dashboard"}
    for path, page in pages.items():
        for link in page.links:
            place, _, anchor = link.partition("#")
            target = pages.get(place or path)
            if anchor and target is not None:
                assert anchor in target.anchors, f"{path} links to {link}"

    assert {path_of(name) for name in GUIDES} <= pages.keys()
    assert {f"/docs/api/{one.slug}" for one in LISTED} <= pages.keys()


async def test_where_an_error_points_the_code_is_explained(gateway: Gateway) -> None:
    refused = await gateway.call("GET", "/topup/balance")
    path, _, anchor = refused.json()["data"]["error"]["doc_url"].partition("#")

    page = await gateway.client.get(path)

    assert (page.status_code, anchor) == (200, "2001")
    assert {str(code) for code in CODES} <= Page(page.text).anchors


def test_every_code_is_explained() -> None:
    assert set(NOTES) == set(CODES)


async def test_the_samples_name_the_address_that_the_reader_used(gateway: Gateway) -> None:
    page = (await gateway.client.get("/docs/api/top-ups")).text
    odd = await gateway.client.get("/docs", headers={"Host": "<script>alert(1)</script>"})

    assert f"curl -X POST {gateway.url}/api/public/v1/topup/send" in page
    assert PLACEHOLDER not in page
    assert "<script>alert" not in odd.text


async def test_an_unknown_resource_is_not_found(gateway: Gateway) -> None:
    assert (await gateway.client.get("/docs/api/nothing")).status_code == 404


async def test_the_plain_text_has_every_call_code_and_guide(gateway: Gateway) -> None:
    everything = (await gateway.client.get("/llms-full.txt")).text

    for operation in OPERATIONS:
        assert f"`{operation.method} {operation.path}`" in everything
    for row in CODES.values():
        assert f"| {row.code} | {row.message} |" in everything
    assert PLACEHOLDER not in everything
    assert "$GATEWAY" not in everything


# For programs


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


# Samples


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.anchor)
def test_each_sample_is_a_program(operation: Operation) -> None:
    words = shlex.split(samples.curl(operation.call))
    ast.parse(samples.python(operation.call))

    assert words[0] == "curl"
    assert any(word.startswith(PLACEHOLDER) for word in words)
    if operation.call.body is not None and not operation.call.is_form:
        assert json.loads(words[words.index("-d") + 1]) == operation.call.body


# What Node says of each module's text: nothing, or what is wrong with it. No module runs.
PARSE = """
const {SourceTextModule} = require("vm");
const wrong = {};
for (const [name, text] of Object.entries(JSON.parse(require("fs").readFileSync(0)))) {
  try { new SourceTextModule(text); } catch (error) { wrong[name] = String(error); }
}
console.log(JSON.stringify(wrong));
"""


def test_each_javascript_sample_is_a_program() -> None:
    """All of them in one process: Node takes longer to start than to read every sample."""
    given = {one.anchor: samples.javascript(one.call) for one in OPERATIONS}
    broken = {"broken": "const answer = await fetch(;"}

    done = subprocess.run(
        [needed("node"), "--experimental-vm-modules", "--no-warnings", "-e", PARSE],
        input=json.dumps({**given, **broken}),
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(given) == len(OPERATIONS)
    assert list(json.loads(done.stdout)) == ["broken"]


async def test_the_samples_of_a_send_send(gateway: Gateway, tmp_path: Path) -> None:
    key = await gateway.key(await gateway.account())
    runs = [
        ["bash", "-c", samples.curl(SEND.call)],
        [sys.executable, "-c", samples.python(SEND.call)],
    ]
    if NODE:
        script = tmp_path / "sample.mjs"
        script.write_text(samples.javascript(SEND.call).replace(PLACEHOLDER, gateway.url))
        runs.append([NODE, str(script)])
    for argv in runs:
        given = [word.replace(PLACEHOLDER, gateway.url) for word in argv]
        printed = await run(given, {**os.environ, "KEY": key})
        assert "ATU-" in printed, printed

    listed = (await gateway.call("GET", "/topup/history", key=key)).json()["data"]["items"]
    assert len(listed) == len(runs)


async def run(argv: list[str], environment: dict[str, str]) -> str:
    """What the program printed; it runs while the gateway answers in this loop."""
    running_one = await asyncio.create_subprocess_exec(
        *argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(running_one.communicate(), 60)
    return printed.decode()


SECRET = "whsec_" + "QUJD" * 8
JAVASCRIPT = """
const [headers, body, secret] = JSON.parse(process.argv[1]);
console.log(await isGenuine(headers, body, secret));
"""


@pytest.mark.parametrize(
    ("secret", "age_s", "body", "expected"),
    [
        (SECRET, 0, '{"id":"evt_1"}', "true"),
        ("whsec_" + "QUJE" * 8, 0, '{"id":"evt_1"}', "false"),
        (SECRET, 900, '{"id":"evt_1"}', "false"),
        (SECRET, 0, '{"id":"evt_2"}', "false"),
    ],
)
def test_the_guides_javascript_takes_what_is_genuine_and_nothing_else(
    secret: str, age_s: int, body: str, expected: str
) -> None:
    (code,) = re.findall(r"```javascript\n(.*?)```", guide_text("webhooks"), re.DOTALL)
    headers = signature_headers(
        secrets=(secret,),
        message_id="evt_1",
        timestamp_s=int(time.time()) - age_s,
        body=b'{"id":"evt_1"}',
    )
    given = json.dumps([{name.lower(): value for name, value in headers.items()}, body, SECRET])

    done = subprocess.run(
        [needed("node"), "--input-type=module", "-e", code + JAVASCRIPT, given],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == expected


# Guides


def test_the_guides_figures_are_the_codes() -> None:
    start, sandbox = guide_text("start"), guide_text("sandbox")
    rate_per_s = Settings.model_fields["rate_limit_per_s"].default

    assert f"${OPENING_TEST_CREDIT_CENTS // 100:,}.00 of test credit" in start
    assert f"{rate_per_s} calls a second, {rate_per_s * BURST_S} at once" in start
    assert f"is {PAGE_ITEMS} unless you say otherwise, at most {PAGE_ITEMS_MAX}" in start
    assert f"1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} visible ASCII" in start
    assert f"kept for {KEPT_US // DAY_US} days" in start
    assert f"${SANDBOX_FUNDING_PER_DAY_CENTS // 100:,} a day" in sandbox
    for scope in SCOPES:
        assert (f"| `{scope}` |" in start) is (scope != ADMIN)
    for tool in TOOLS:
        assert f"| `{tool}` |" in guide_text("mcp")
    for action in get_args(NextAction):
        assert f"| `{action}` |" in guide_text("errors")


async def test_the_sandbox_recipients_end_as_the_guide_says(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    rows = re.findall(r"\| `(\w+@sandbox\.test)` \| (\d{4})", guide_text("sandbox"))

    for recipient, code in rows:
        order = {"platform": "claude", "amount_cents": 1000, "recipient_email": recipient}
        answer = await gateway.call("POST", "/topup/send", key=key, json=order)
        assert str(answer.json()["code"]) == code, recipient
    assert len(rows) == 7


# Markdown


TABLE = (
    '<div class="scroll" tabindex="0" role="region" aria-label="a: 1 …"><table>',
    *("<thead>", "<tr>", "<th>a</th>", "<th>b</th>", "</tr>", "</thead>"),
    *("<tbody>", "<tr>", "<td><code>1</code></td>", "<td>&lt;i&gt;</td>", "</tr>", "</tbody>"),
    "</table></div>",
)


def test_markdown_is_escaped_and_its_marks_are_tags() -> None:
    html = to_html(
        "# A <b>\n\n## One & two\n\nSee `x<y` and **bold [link](/docs)**.\n\n"
        "- one\n- two\n  goes on\n\n1. first\n\n| a | b |\n|---|---|\n| `1` | <i> |\n\n"
        "> told\n\n```sh\ncurl <x>\n```\n"
    )

    assert html.split("\n") == [
        "<h1>A &lt;b&gt;</h1>",
        '<h2 id="one-two"><a class="anchor" href="#one-two">One &amp; two</a></h2>',
        '<p>See <code>x&lt;y</code> and <strong>bold <a href="/docs">link</a></strong>.</p>',
        *("<ul>", "<li>one</li>", "<li>two", "goes on</li>", "</ul>"),
        *("<ol>", "<li>first</li>", "</ol>"),
        *TABLE,
        *('<div class="note">', "<p>told</p>", "</div>"),
        '<pre tabindex="0"><code>curl &lt;x&gt;</code></pre>',
        "",
    ]


def test_a_link_to_a_script_is_refused() -> None:
    with pytest.raises(AssertionError):
        to_html("[x](javascript:alert(1))")


def test_headings_inside_code_are_none() -> None:
    text = "## `a` b\n\n```sh\n## not one\n```\n"

    assert [(one.level, one.text, one.anchor) for one in headings(text)] == [(2, "a b", "a-b")]
    assert anchor_of("Prove that nothing is missing") == "prove-that-nothing-is-missing"
