"""The documentation's search: what is looked for stands first, and any query gets a page that helps."""

import re

import pytest

from gateway.answers.response_codes import CODES
from gateway.docs.pages import GUIDES, path_of
from gateway.docs.search_index import HITS_MAX, Passage, PassageIndex
from tests.support.gateway import Gateway
from webhooks.events.event import EVENT_TYPES

# Of each errand the place that answers it.
FIRST = {
    "topup.delivered": "/docs/events/topup.delivered",
    "3003": "/docs/codes/3003",
    "insufficient balance": "/docs/codes/2002",
    "webhooks": "/docs/webhooks",
    "WEBHOOK": "/docs/webhooks",
    "what is the sandbox?": "/docs/sandbox",
    "send once": "/docs/send-once",
    "topup/send": "/docs/api/top-ups#post-topup-send",
}
# Of words that several pages have: one of the first three.
AMONG = {
    "create webhook endpoint": "#post-webhooks-register",
    "register webhook": "#post-webhooks-register",
    "verify signature": "/docs/verify-webhooks",
    "idempotency": "/docs/codes/4003",
    "approv": "approv",
}


def paths_of(page: str) -> list[str]:
    return re.findall(r'<li><a href="([^"]+)">[^<]+</a> <span class="quiet small">', page)


@pytest.mark.asyncio(loop_scope="module")
async def test_each_errand_finds_its_page(shared_gateway: Gateway) -> None:
    client = shared_gateway.client
    for query, path in FIRST.items():
        page = await client.get("/docs/search", params={"q": query})
        assert page.status_code == 200
        assert paths_of(page.text)[:1] == [path], (query, paths_of(page.text)[:4])
    for query, part in AMONG.items():
        found = paths_of((await client.get("/docs/search", params={"q": query})).text)
        assert any(part in path for path in found[:3]), (query, found)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_guide_event_and_code_is_found_by_its_name(shared_gateway: Gateway) -> None:
    names = {label: path_of(name) for name, label in GUIDES.items()}
    names |= {event_type: f"/docs/events/{event_type}" for event_type in EVENT_TYPES}
    names |= {str(code): f"/docs/codes/{code}" for code in CODES}
    for name, path in names.items():
        text = (await shared_gateway.client.get("/docs/search.md", params={"q": name})).text
        assert f"]({path}.md)" in text.split("\n\n- ", 2)[1], (name, text[:300])


@pytest.mark.asyncio(loop_scope="module")
async def test_any_query_gets_a_page_that_says_what_to_do(shared_gateway: Gateway) -> None:
    client = shared_gateway.client
    script = "<script>alert(1)</script>"
    cases = {
        "": (200, "Type one or two words"),
        "   ": (200, "Type one or two words"),
        "zzqqxx": (200, "Nothing was found for <strong>zzqqxx</strong>"),
        "؟ 充值 💳": (200, "Nothing was found for"),
        "signature zzqqxx": (200, "No page has all of these words"),
        script: (200, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        "a\x00b\x1b[1m": (200, "Search"),
        # What the head of a request may have is 32 KiB.
        "x" * 30_000: (400, "at most 200 characters"),
        "sign " * 6_000: (400, "at most 200 characters"),
    }
    for query, (status, said) in cases.items():
        page = await client.get("/docs/search", params={"q": query})
        assert (page.status_code, said in page.text) == (status, True), query[:20]
        assert script not in page.text
        assert len(page.content) < 60_000
        text = await client.get("/docs/search.md", params={"q": query})
        assert (text.status_code, text.text[:8]) == (status, "# Search"), query[:20]
    plain = await client.get("/docs/search?q=a&q=b&x=1", headers={"Accept": "text/markdown"})
    assert plain.headers["content-type"].startswith("text/markdown")
    assert 'content="noindex"' in page.text
    start = await client.get("/docs")
    assert '<form class="docs-find" action="/docs/search" role="search">' in start.text


def paths(index: PassageIndex, query: str) -> list[str]:
    return [hit.passage.path for hit in index.search(query).hits]


def test_all_words_come_before_some_and_titles_before_text() -> None:
    index = PassageIndex(
        [
            Passage("Text", "Guide", "/text", "How a refund is made. Refunds, refunds, refunds."),
            Passage("Refunds and more of them", "Guide", "/long", ""),
            Passage("Refund", "Guide", "/short", "By card."),
            Passage("Refundable", "Guide", "/beginning", ""),
            Passage("Cards", "Guide", "/cards", "Kept for a recharge."),
        ]
    )

    assert paths(index, "refund") == ["/short", "/long", "/beginning", "/text"]
    assert paths(index, "the refunds, by card") == ["/short"]
    assert index.search("refund recharge zebra").has_all is False
    assert paths(index, "re") == []
    assert paths(index, "by") == ["/short"]
    assert paths(index, "zebra") == paths(index, "") == paths(index, "?!") == []


def test_an_excerpt_is_around_the_first_word_and_marks_each() -> None:
    text = "word " * 40 + "the Refunds here " + "word " * 80
    (hit,) = PassageIndex([Passage("T", "Guide", "/", text)]).search("refund").hits
    shown = "".join(piece for piece, _ in hit.excerpt)

    assert [piece for piece, is_word in hit.excerpt if is_word] == ["Refunds"]
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 220
    (unbroken,) = PassageIndex([Passage("T", "Guide", "/", "x" * 5_000)]).search("t").hits
    assert len("".join(piece for piece, _ in unbroken.excerpt)) < 220


def test_what_many_passages_have_is_cut_off() -> None:
    many = [Passage(f"Title {at}", "Guide", f"/{at}", "") for at in range(100)]

    assert paths(PassageIndex(many), "title") == [f"/{at}" for at in range(HITS_MAX)]
