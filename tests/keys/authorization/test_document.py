"""A client's document says that it is at its address, and where codes may go; nothing else is taken."""

from typing import Any

import msgspec
import pytest

from keys.authorization.client import (
    AuthorizationRefused,
    McpClient,
    check_document_url,
    client_of_document,
)

URL = "https://desk.example/oauth/client.json"
GOOD: dict[str, Any] = {
    "client_id": URL,
    "client_name": "Desk",
    "redirect_uris": ["http://127.0.0.1:3030/callback", "https://desk.example/callback"],
}


def read(**changes: Any) -> McpClient:
    document = {name: value for name, value in {**GOOD, **changes}.items() if value != "left out"}
    return client_of_document(URL, msgspec.json.encode(document))


def test_what_is_taken_of_a_document() -> None:
    client = read(
        grant_types=["authorization_code"], token_endpoint_auth_method="none", logo_uri="x", jwks={}
    )

    assert client == McpClient(
        URL, "Desk", ("http://127.0.0.1:3030/callback", "https://desk.example/callback"), URL
    )


def test_a_client_that_says_no_name_is_called_by_its_host() -> None:
    assert read(client_name="left out").name == "desk.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://desk.example/oauth/client.jso"},
        {"client_id": "https://DESK.example/oauth/client.json"},
        {"client_id": URL + "/"},
        {"client_id": None},
        {"client_id": "left out"},
        {"redirect_uris": []},
        {"redirect_uris": "left out"},
        {"redirect_uris": "https://desk.example/callback"},
        {"redirect_uris": ["http://desk.example/callback"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://desk.example/callback#here"]},
        {"redirect_uris": [f"https://desk.example/{n}" for n in range(11)]},
        {"client_secret": "s3cret"},
        {"client_secret": ""},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"client_name": 7},
        {"client_name": "a\u202eb"},
        {"client_name": "x" * 501},
    ],
)
def test_a_document_that_is_no_such_client(changes: dict[str, Any]) -> None:
    with pytest.raises(AuthorizationRefused):
        read(**changes)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<html>", b"\xff\xfe", b"{", b"[" * 16_000, b'{"client_id": 1}']
)
def test_a_body_that_is_no_document(body: bytes) -> None:
    with pytest.raises(AuthorizationRefused):
        client_of_document(URL, body)


@pytest.mark.parametrize(
    "url",
    [
        "http://desk.example/client.json",
        "https://desk.example",
        "https://desk.example/",
        "https://u:p@desk.example/client.json",
        "https://desk.example@evil.example/client.json",
        "https://desk.example/client.json#x",
        "https://desk.example/a/../client.json",
        "https://desk.example/./client.json",
        "https://desk.example/a/%2E%2e/client.json",
        "https://desk.example/a b",
        "https://desk.example/client.json\n",
        "https://desk.example:0/client.json",
        "https://desk.example:x/client.json",
        "https://d\u00e9sk.example/client.json",
        "https://[::1/client.json",
        "https:///client.json",
        "HTTPS://desk.example/client.json",
        "https://desk.example\\@evil.example/client.json",
        "https://desk.example/" + "a" * 2048,
    ],
)
def test_an_address_that_is_no_clients(url: str) -> None:
    with pytest.raises(AuthorizationRefused):
        check_document_url(url)


@pytest.mark.parametrize("url", [URL, "https://desk.example:8443/c", "https://desk.example/c?v=1"])
def test_an_address_that_may_be(url: str) -> None:
    check_document_url(url)
