"""A person who signs an MCP client in: the SDK's own OAuth, with the consent page filled in by a browser
that is signed in here.
"""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from keys.authorization import client as mcp_client
from tests.support.browser import Browser, text_of
from tests.support.gateway import Gateway
from tests.support.mcp_agent import Agent
from tests.support.mcp_client import CHALLENGE, VERIFIER
from tests.support.plain_http import ANSWER_S_MAX

PATH: Final = "/oauth/authorize"
REDIRECT: Final = "http://127.0.0.1:3030/callback"


@dataclass
class Kept:
    """What an MCP client keeps on its disk: its registration and its tokens."""

    client: OAuthClientInformationFull | None = None
    tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class Person:
    """Answers each question of a client with `decision` and, where given, other fields than the form has."""

    browser: Browser
    decision: str = "allow"
    fields: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    landed: str = ""

    async def open(self, url: str) -> None:
        """What a client's redirect_handler does: the browser goes there, and the person answers."""
        self.asked.append(url)
        parts = urlsplit(url)
        page = await self.browser.request("GET", f"{parts.path}?{parts.query}")
        assert page.status_code == 200, (page.status_code, page.text)
        form = {**form_of(page.text), **self.fields, "decision": self.decision}
        answer = await self.browser.send(PATH, form, headers={})
        assert answer.status_code == 303, answer.text
        self.landed = answer.headers["location"]

    async def come_back(self) -> AuthorizationCodeResult:
        """What the client's own little server hears."""
        query = parse_qs(urlsplit(self.landed).query)
        found = {name: values[0] for name, values in query.items()}
        return AuthorizationCodeResult(
            code=found.get("code", ""), state=found.get("state"), iss=found.get("iss")
        )


def form_of(html: str) -> dict[str, Any]:
    """The consent form's fields as a browser would send them untouched."""
    form = html[html.index(f'action="{PATH}"') :]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        given = {name: unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        is_box = given.get("type") in {"radio", "checkbox"}
        if is_box and not re.search(r"\schecked\b", tag):
            continue
        name, value = given["name"], given.get("value", "")
        found[name] = [*found.get(name, []), value] if given.get("type") == "checkbox" else value
    for name, text in re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>([^<]*)<', form):
        found[name] = unescape(text)
    return found


class Answering(Protocol):
    """Who answers a client's question, and what the client hears of it."""

    async def open(self, url: str) -> None: ...

    async def come_back(self) -> AuthorizationCodeResult: ...


def provider(
    url: str,
    person: Answering,
    kept: Kept,
    *,
    redirect_uri: str = REDIRECT,
    document_url: str | None = None,
) -> OAuthClientProvider:
    """The SDK's OAuth of one client of the gateway at url."""
    metadata = OAuthClientMetadata(
        client_name="Probe Desk",
        redirect_uris=[AnyUrl(redirect_uri)],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(
        f"{url}/mcp",
        metadata,
        kept,
        redirect_handler=person.open,
        callback_handler=person.come_back,
        client_metadata_url=document_url,
    )


@contextlib.asynccontextmanager
async def signing_in(gateway: Gateway, person: Person, kept: Kept) -> AsyncIterator[Agent]:
    """A connected MCP client that was given the address alone."""
    async with connected(gateway.url, provider(gateway.url, person, kept)) as agent:
        yield agent


@contextlib.asynccontextmanager
async def connected(url: str, auth: httpx2.Auth) -> AsyncIterator[Agent]:
    """A client of the gateway at url that signs in by auth."""
    async with httpx2.AsyncClient(auth=auth, timeout=ANSWER_S_MAX, trust_env=False) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport) as client:
            yield Agent(client)


async def client_id_of(gateway: Gateway, redirect_uri: str = REDIRECT) -> str:
    """Of a client that registered, without a turn of its address being used up."""
    made = await gateway.context.database.transaction(
        lambda tx: mcp_client.register(
            tx,
            name="Desk",
            redirect_uris=[redirect_uri],
            now_us=gateway.context.clock.now_us(),
        )
    )
    return made.id


def question(gateway: Gateway, client_id: str, **more: str | None) -> str:
    """The address that a client opens; None leaves a parameter out."""
    given = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "state": "s&1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "resource": f"{gateway.url}/mcp",
        **more,
    }
    return f"{PATH}?{urlencode({name: v for name, v in given.items() if v is not None})}"


async def answered(browser: Browser, url: str, **fields: Any) -> httpx.Response:
    """The person opens the address and allows, with other fields where given."""
    page = await browser.request("GET", url)
    assert page.status_code == 200, text_of(page.text)
    form = {**form_of(page.text), "decision": "allow", **fields}
    return await browser.send(PATH, form, headers={})


def told(answer: httpx.Response) -> dict[str, str]:
    """What the client hears."""
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


async def tokens_of(gateway: Gateway, **form: str) -> httpx.Response:
    return await gateway.client.post(f"{gateway.url}/oauth/token", data=form)


async def pair_of(gateway: Gateway, browser: Browser, **fields: Any) -> dict[str, Any]:
    """A sign-in by hand: its tokens, and its client's id."""
    client_id = await client_id_of(gateway)
    code = told(await answered(browser, question(gateway, client_id), **fields))["code"]
    answer = await tokens_of(gateway, **exchange(gateway, client_id, code))
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "client_id": client_id}


def exchange(gateway: Gateway, client_id: str, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": REDIRECT,
        "resource": f"{gateway.url}/mcp",
    }
