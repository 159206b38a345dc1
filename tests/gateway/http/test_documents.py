"""Public documents are made once: the same bytes for the same reader, whatever else a request says."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.http.documents import ENTRY_BYTES, Documents
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

BROWSER = {"Accept": "text/html", "Accept-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/docs/webhooks", BROWSER),
        ("/docs/webhooks", {**BROWSER, "Cookie": "topup_theme=dark; topup_samples=python"}),
        ("/docs/codes/1000", {"Accept": "application/json"}),
        ("/docs/keys", {"Accept": "text/markdown", "Accept-Encoding": "br"}),
        ("/openapi.json", {"Accept-Encoding": "zstd"}),
        ("/llms-full.txt", {"Accept-Encoding": "identity"}),
        ("/static/app.css", {"Accept-Encoding": "gzip"}),
        ("/.well-known/oauth-authorization-server", {}),
    ],
)
async def test_a_document_is_the_same_bytes_and_304_by_its_tag(
    gateway: Gateway, path: str, headers: Mapping[str, str]
) -> None:
    first = await raw(gateway, path, headers)
    again = await raw(
        gateway,
        f"{path}?said=saved&x=1",
        {**headers, "Cookie": f"{headers.get('Cookie', '')}; a=b"},
    )
    head = await gateway.client.head(path, headers=headers)
    known = await gateway.client.get(path, headers={**headers, "If-None-Match": first[0]["etag"]})

    assert first[1] == again[1] != b""
    assert first[0]["etag"] == again[0]["etag"] == head.headers["etag"]
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(first[1])))
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == first[0]["etag"]
    assert "content-length" not in known.headers
    assert first[0]["cache-control"] == known.headers["cache-control"]


async def raw(gateway: Gateway, path: str, headers: Mapping[str, str]) -> tuple[Any, bytes]:
    """An answer's headers and its bytes as they came."""
    async with gateway.client.stream(
        "GET", path, headers={"Accept-Encoding": "identity", **headers}
    ) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join([part async for part in answer.aiter_raw()])


async def test_each_reader_has_their_own_form_theme_and_encoding(gateway: Gateway) -> None:
    async def text(**headers: str) -> str:
        return (await gateway.client.get("/docs/keys", headers=headers)).text

    page = await text(Accept="text/html")
    assert page.startswith("<!doctype html>")
    assert (await text(Accept="text/markdown")).startswith("# ")
    assert 'data-theme="dark"' in await text(Cookie="topup_theme=dark")
    assert "data-theme" not in page
    answers = [
        await gateway.client.get("/docs/keys", headers={"Accept-Encoding": encoding})
        for encoding in ("gzip", "br", "gzip;q=0, br;q=0.1", "*", "identity", "gzip;q=0")
    ]
    assert [one.headers.get("content-encoding") for one in answers] == [
        "gzip",
        "br",
        "br",
        "zstd",
        None,
        None,
    ]
    assert len({one.text for one in answers}) == 1
    assert len({one.headers["etag"] for one in answers}) == 4
    assert all("Accept-Encoding" in one.headers["vary"] for one in answers)


async def test_the_host_stands_in_it_where_nobody_said_the_address(gateway: Gateway) -> None:
    for host in ("one", "two"):
        answer = await gateway.client.get("/docs.md", headers={"Host": host})
        assert f"http://{host}/" in answer.text


class Kept:
    """Documents of their own, asked as the edge asks them, and how often each was made."""

    def __init__(self, **arguments: Any) -> None:
        given = {
            "has_public_url": True,
            "choices": {"look": ["dark"]},
            "query_of": lambda _: b"v=1",
        }
        self.documents = Documents(**{**given, **arguments})
        self.made: list[str] = []
        self._answer = self.documents.once(self._make)

    def _make(self, request: Request) -> Response:
        if request.url.path == "/nothing":
            raise HTTPException(404)
        self.made.append(
            f"{request.url.path}?{request.scope['query_string'].decode()} {sorted(request.headers.items())}"
        )
        return PlainTextResponse("a" * 1_000, 503 if request.url.path == "/away" else 200)

    async def ask(self, path: str, query: bytes = b"", **headers: str) -> Any:
        listed = [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query,
            "headers": listed,
        }
        found = self.documents.find(scope, dict(listed))
        return found or await self._answer(Request(scope))


async def test_nothing_that_a_stranger_can_vary_makes_another() -> None:
    kept = Kept()
    for number in range(1, 50):
        await kept.ask(
            "/a",
            f"x={number}".encode(),
            host=f"h{number}",
            accept=f"text/{number}, text/html;q=0.{number}",
            accept_encoding=f"x{number}, gzip;q=0.{number}1",
            cookie=f"look={number}; other={number}",
            user_agent=str(number),
        )

    # A document never sees the rest.
    assert kept.made == ["/a? [('accept', 'text/html'), ('accept-encoding', 'gzip')]"]
    await kept.ask("/a", b"v=1", accept="text/html", accept_encoding="gzip", cookie="look=dark;x=1")
    assert kept.made[1:] == [
        "/a?v=1 [('accept', 'text/html'), ('accept-encoding', 'gzip'), ('cookie', 'look=dark')]"
    ]


async def test_what_is_kept_is_bounded_and_the_oldest_goes() -> None:
    # Each: a body of 1,000 bytes, 112 of headers, a path of 2, and the entry.
    each = 1_000 + 112 + 2 + ENTRY_BYTES
    kept = Kept(bytes_max=3 * each)
    for path in ("/a", "/b", "/c", "/a", "/d", "/a", "/b"):
        await kept.ask(path)

    # /a was used when /d came, and /b was not.
    assert [one[:2] for one in kept.made] == ["/a", "/b", "/c", "/d", "/b"]


@pytest.mark.parametrize(("spare_bytes", "made"), [(0, 3), (-1, 4)])
async def test_headers_and_names_count_as_what_is_kept(spare_bytes: int, made: int) -> None:
    """Room for exactly three keeps the first one; a byte less doesn't."""
    each = 1_000 + 112 + 2 + 1_000 + ENTRY_BYTES
    kept = Kept(has_public_url=False, bytes_max=3 * each + spare_bytes)
    for number in (0, 1, 2, 0):
        await kept.ask("/a", host=f"{number}.{'h' * 998}")

    assert len(kept.made) == made


async def test_only_what_went_well_is_kept() -> None:
    kept = Kept()
    for _ in range(2):
        with pytest.raises(HTTPException):
            await kept.ask("/nothing")
        assert (await kept.ask("/away")).status_code == 503

    assert len(kept.made) == 2
