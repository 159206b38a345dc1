"""A client that knows only what the last error said."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from tests.support.gateway import Gateway

ROUNDS_MAX = 3
JSON_TYPE = {"Content-Type": "application/json"}
Wait = Callable[[float], Awaitable[object]]


class TinyClient:
    """It knows no code and no route: it reads next_action, errors[] and links[] of the last answer."""

    def __init__(
        self, gateway: Gateway, headers: Mapping[str, str], wait: Wait = asyncio.sleep
    ) -> None:
        self._client = gateway.client
        self._wait = wait
        self.headers = dict(headers)
        self.asked_person = False

    async def call(self, method: str, url: str, body: Any = None) -> httpx.Response:
        """Repairs and repeats until it succeeds, or until only a person helps."""
        for _ in range(ROUNDS_MAX):
            content = None if body is None else json.dumps(body)
            headers = self.headers if content is None else {**self.headers, **JSON_TYPE}
            answer = await self._client.request(method, url, content=content, headers=headers)
            told = answer.json()
            if told["success"]:
                return answer
            error = told["data"]["error"]
            if error["next_action"] in {"ask_human", "stop"}:
                self.asked_person = True
                return answer
            if error["next_action"] == "wait":
                await self._wait(error["retry_after_s"])
            else:
                method, url, body = await self._repaired(error, method, url, body)
        return answer

    async def _repaired(
        self, error: dict[str, Any], method: str, url: str, body: Any
    ) -> tuple[str, str, Any]:
        links = {link["rel"]: link for link in reversed(error.get("links", []))}
        if "sandbox_key" in links:
            made = await self._client.request("POST", links["sandbox_key"]["href"])
            self.headers = {"Authorization": f"Bearer {made.json()['data']['key']}"}
            return method, url, body
        if "smaller_send" in links:
            return method, url, links["smaller_send"]["body"]
        if error["next_action"] == "top_up":
            link = links["fund"]
            await self._client.request(
                link["method"], link["href"], json=link["body"], headers=self.headers
            )
            return method, url, body
        for rel in ("nearest", "allowed", "history", "list"):
            if rel in links:
                return links[rel]["method"], links[rel]["href"], body
        return method, url, mended(body or {}, error.get("errors", []))


def mended(body: dict[str, Any], errors: list[dict[str, Any]]) -> dict[str, Any]:
    """The body after each entry was taken at its word."""
    body = dict(body)
    for problem in errors:
        name = problem["param"]
        if problem["detail"].startswith("unknown field"):
            value = body.pop(name)
            if "did_you_mean" in problem:
                body.setdefault(problem["did_you_mean"], value)
        elif "did_you_mean" in problem:
            body[name] = problem["did_you_mean"]
        elif "example" in problem:
            body[name] = problem["example"]
        elif "allowed" in problem:
            body[name] = problem["allowed"][0]
        elif "minimum" in problem:
            body[name] = problem["minimum"]
        else:
            body.pop(name, None)
    return body
