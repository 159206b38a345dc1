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

from billing.credits.opening import OPENING_TEST_CREDIT_CENTS, SANDBOX_FUNDING_PER_DAY_CENTS
from gateway.answers.response_codes import CODES
from gateway.docs import samples
from gateway.docs.code_repairs import NOTES
from gateway.docs.colours import coloured
from gateway.docs.markdown import headings, to_html
from gateway.docs.markdown_text import anchor_of
from gateway.docs.pages import GUIDES, PLACEHOLDER, guide_text, path_of
from gateway.docs.reference import Operation, resources
from gateway.http.rate_limit import BURST_S
from gateway.mcp.tools import TOOLS
from kernel.clock import DAY_US
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX, PAGE_ITEMS, PAGE_ITEMS_MAX
from kernel.refused import NextAction
from keys.principal import ADMIN, SCOPES
from keys.signatures.signing import public_text, signature_headers, signer_of
from runtime.settings import Settings
from store.idempotency import KEPT_US
from tests.support.gateway import Gateway
from tests.support.openapi_check import the_document
from tests.support.programs import needed

pytestmark = pytest.mark.one_database

LISTED = resources(the_document(), PLACEHOLDER)
OPERATIONS = [one for resource in LISTED for one in resource.operations]
SEND = next(one for one in OPERATIONS if one.path.endswith("/topup/send"))
# What a page of the documentation is at most: it is read on a phone, too.
BYTES_MAX = 180_000
BROWSER = {"Accept": "text/html,*/*;q=0.8"}
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
        answer = await gateway.client.get(path, headers=BROWSER, follow_redirects=True)
        assert answer.status_code == 200, path
        pages[path] = Page(answer.text)
        if path.startswith("/docs"):
            assert len(answer.content) <= BYTES_MAX, path
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
    address = refused.json()["data"]["error"]["doc_url"]

    page = await gateway.client.get(address)
    every = await gateway.client.get("/docs/codes")

    assert (page.status_code, address) == (200, f"{gateway.url}/docs/codes/2001")
    assert {str(code) for code in CODES} <= Page(every.text).anchors


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
SEED = b"s" * 32
JAVASCRIPT = """
const [headers, body, secret, publicKey] = JSON.parse(process.argv[1]);
console.log(await isGenuine(headers, body, secret), isSignedByKey(headers, body, publicKey));
"""


@pytest.mark.parametrize(
    ("secret", "seed", "age_s", "body", "expected"),
    [
        (SECRET, SEED, 0, '{"id":"evt_1"}', "true true"),
        ("whsec_" + "QUJE" * 8, b"o" * 32, 0, '{"id":"evt_1"}', "false false"),
        (SECRET, SEED, 900, '{"id":"evt_1"}', "false false"),
        (SECRET, SEED, 0, '{"id":"evt_2"}', "false false"),
    ],
)
def test_the_guides_javascript_takes_what_is_genuine_and_nothing_else(
    secret: str, seed: bytes, age_s: int, body: str, expected: str
) -> None:
    code = "".join(re.findall(r"```javascript\n(.*?)```", guide_text("verify-webhooks"), re.DOTALL))
    headers = signature_headers(
        secrets=(secret,),
        signers=(signer_of(seed),),
        message_id="evt_1",
        timestamp_s=int(time.time()) - age_s,
        body=b'{"id":"evt_1"}',
    )
    received = {name.lower(): value for name, value in headers.items()}
    given = json.dumps([received, body, SECRET, public_text(SEED)])

    done = subprocess.run(
        [needed("node"), "--input-type=module", "-e", code + JAVASCRIPT, given],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == expected


# Guides


def test_the_guides_figures_are_the_codes() -> None:
    conventions, sandbox = guide_text("conventions"), guide_text("sandbox")
    rate_per_s = Settings.model_fields["rate_limit_per_s"].default

    assert f"${OPENING_TEST_CREDIT_CENTS // 100:,}.00 of test credit" in guide_text("start")
    assert (
        f"{rate_per_s} calls a second, with bursts of up to {rate_per_s * BURST_S}" in conventions
    )
    assert f"is {PAGE_ITEMS} by default and {PAGE_ITEMS_MAX} at most" in conventions
    assert f"1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} visible ASCII" in conventions
    assert f"stored for {KEPT_US // DAY_US} days" in conventions
    assert f"${SANDBOX_FUNDING_PER_DAY_CENTS // 100:,} a day" in sandbox
    for scope in SCOPES:
        assert (f"| `{scope}` |" in conventions) is (scope != ADMIN)
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
        "> told\n\n```sh\ncurl $K <x>\n```\n"
    )

    assert html.split("\n") == [
        "<h1>A &lt;b&gt;</h1>",
        '<h2 id="one-two"><a class="anchor" href="#one-two">One &amp; two</a></h2>',
        '<p>See <code>x&lt;y</code> and <strong>bold <a href="/docs">link</a></strong>.</p>',
        *("<ul>", "<li>one</li>", "<li>two", "goes on</li>", "</ul>"),
        *("<ol>", "<li>first</li>", "</ol>"),
        *TABLE,
        *('<div class="note">', "<p>told</p>", "</div>"),
        '<pre tabindex="0"><code>curl <span class="n">$K</span> &lt;x&gt;</code></pre>',
        "",
    ]


@pytest.mark.parametrize(
    ("language", "text", "html"),
    [
        ("json", '{"a": 1}', '{<span class="n">&#34;a&#34;</span>: <span class="m">1</span>}'),
        ("python", "return 1  # <one>", '<span class="k">return</span> <span class="m">1</span>  <span class="c"># &lt;one&gt;</span>'),
        ("curl", "-d '{\"a\": true}'", '-d <span class="s">&#39;</span>{<span class="n">&#34;a&#34;</span>: <span class="k">true</span>}<span class="s">&#39;</span>'),
        ("http", "POST /<x>\n\n{", "POST /&lt;x&gt;\n\n{"),
    ],
)  # fmt: skip
def test_code_has_its_parts_in_colours(language: str, text: str, html: str) -> None:
    assert coloured(text, language) == html


def test_a_link_to_a_script_is_refused() -> None:
    with pytest.raises(AssertionError):
        to_html("[x](javascript:alert(1))")


def test_headings_inside_code_are_none() -> None:
    text = "## `a` b\n\n```sh\n## not one\n```\n"

    assert [(one.level, one.text, one.anchor) for one in headings(text)] == [(2, "a b", "a-b")]
    assert anchor_of("Prove that nothing is missing") == "prove-that-nothing-is-missing"
