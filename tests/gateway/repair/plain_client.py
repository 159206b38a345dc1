"""A client that knows no route, no code and no field: it takes next_action, errors[] and links[] at their word.

What it does for each is what `/docs/errors` says of it. Its own request, its own key and the clock are all else it has.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

import httpx

ROUNDS_MAX: Final = 4
# A link of one of these rels comes before the same request again; any other link stands in its place.
_FIRST: Final = frozenset({"fund", "sandbox_key"})
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
Wait = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its maker means it. sent: the bytes that go out in place of the body's, once."""

    method: str
    url: str
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    sent: bytes | None = None


class PlainClient:
    """Repairs and repeats a request. pages: what it would show to a person; seen: each answer that it got."""

    def __init__(self, client: httpx.AsyncClient, key: str, wait: Wait = asyncio.sleep) -> None:
        self._client, self._wait = client, wait
        self.key = key
        self.pages: list[str] = []
        self.seen: list[httpx.Response] = []

    async def call(self, request: Request) -> httpx.Response:
        """Return the answer to the request as it was repaired, or the last refusal."""
        for _ in range(ROUNDS_MAX):
            answer = await self._send(request)
            self.seen.append(answer)
            data = answer.json()["data"]
            error = data.get("error") or data
            action = error.get("next_action")
            if answer.json()["success"] and action is None:
                return answer
            links = error.get("links", [])
            if action == "ask_human":
                self.pages += [link["href"] for link in links if link["rel"] == "page"]
                return answer
            if action == "stop":
                return await self._read(links[0]) if links else answer
            if action == "wait":
                await self._wait(error["retry_after_s"])
                continue
            next_request = await self._repaired(request, data, error, links)
            if next_request is None:
                return answer
            request = next_request
        return answer

    async def _send(self, request: Request) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **request.headers}
        content = request.sent
        if content is None and request.body is not None:
            content = json.dumps(request.body).encode()
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        url = f"{request.url}?{urlencode(request.query)}" if request.query else request.url
        given = {name: value for name, value in headers.items() if value}
        return await self._client.request(request.method, url, content=content, headers=given)

    async def _read(self, link: dict[str, Any]) -> httpx.Response:
        return await self._send(Request(link["method"], link["href"], link.get("body")))

    async def _repaired(
        self, request: Request, data: Any, error: Any, links: list[dict[str, Any]]
    ) -> Request | None:
        items = data.get("errors", []) if error is not data else error.get("errors", [])
        if items and "index" in items[0]:
            # Those that were accepted are not sent again.
            body = {"items": [request.body["items"][item["index"]] for item in items]}
            request = replace(request, body=body)
            for at, item in enumerate(items):
                for problem in item["error"]["errors"]:
                    place = f"items[{at}].{problem['param']}"
                    request = self._mended(request, {**problem, "param": place})
            return request
        mended = request
        for problem in error.get("errors", []):
            mended = self._mended(mended, problem)
        # 1500.0 and 1500 are equal in Python, and two texts in JSON.
        if repr(mended) != repr(request):
            return mended
        for link in links:
            if link["rel"] in _FIRST:
                made = (await self._read(link)).json()["data"]
                self.key = made.get("key", self.key)
                return replace(request, headers={})
            if link["rel"] not in {"guide", "page", "limits"}:
                next_body = link.get("body", request.body if link["method"] != "GET" else None)
                # Whatever comes next is a call of its own; the query goes along only to its like.
                return Request(link["method"], link["href"], next_body, {}, request.headers)
        return None

    def _mended(self, request: Request, problem: dict[str, Any]) -> Request:
        name = problem["param"]
        if name == "body":
            return replace(request, sent=None)
        if name == "Authorization":
            scheme = problem["example"].partition(" ")[0]
            return replace(request, headers={"Authorization": f"{scheme} {self.key}"})
        if name[:1].isupper():
            value = problem.get("example", "")
            is_form = name in {"Content-Type", "Content-Encoding"}
            sent = None if is_form else request.sent
            return replace(request, headers={**request.headers, name: value}, sent=sent)
        if name in request.query or request.method in {"GET", "DELETE"}:
            query = dict(request.query)
            _mend(query, name, problem)
            return replace(request, query=query)
        body = json.loads(json.dumps(request.body)) if request.body is not None else {}
        _mend(body, name, problem)
        return replace(request, body=body)


def _mend(fields: Any, name: str, problem: dict[str, Any]) -> None:
    """Change what the entry is about, inside whatever it stands in."""
    steps: list[Any] = [int(at) if at else word for word, at in _STEP.findall(name)]
    for step in steps[:-1]:
        fields = fields[step]
    last = steps[-1]
    given = fields.get(last) if isinstance(fields, dict) else fields[last]
    if problem["detail"].startswith("unknown field"):
        fields.pop(last)
        if "did_you_mean" in problem:
            fields.setdefault(problem["did_you_mean"], problem.get("example", given))
        return
    value = _right(given, problem)
    if value is not None:
        fields[last] = value
    elif isinstance(fields, dict):
        fields.pop(last, None)


def _right(given: Any, problem: dict[str, Any]) -> Any:
    if "did_you_mean" in problem:
        meant, allowed = problem["did_you_mean"], problem.get("allowed", ())
        if isinstance(given, list):
            return [one if one in allowed else meant for one in given]
        return meant
    number = float(given) if str(given).lstrip("-").replace(".", "", 1).isdigit() else None
    if number is not None and "minimum" in problem and number < problem["minimum"]:
        return problem.get("example", problem["minimum"])
    if number is not None and "maximum" in problem and number > problem["maximum"]:
        return problem["maximum"]
    for name in ("example", "minimum"):
        if name in problem:
            return problem[name]
    return next(iter(problem.get("allowed", ())), None)
