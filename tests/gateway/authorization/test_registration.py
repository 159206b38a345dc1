"""Who registers gets an id and no secret, and an address has twenty turns an hour."""

from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway
from tests.support.mcp_person import REDIRECT

pytestmark = pytest.mark.one_database

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": ["http://example.com/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://a.example/cb#x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://u:p@a.example/cb"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["file:///etc/passwd"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["unknown://x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": [REDIRECT] * 11}, "invalid_redirect_uri"),
    ({"redirect_uris": "x"}, "invalid_request"),
    ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
    ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    ({"response_types": ["token"]}, "invalid_client_metadata"),
]


async def registered(gateway: Gateway, **more: Any) -> httpx.Response:
    body = {"client_name": "Desk", "redirect_uris": [REDIRECT], **more}
    return await gateway.client.post(f"{gateway.url}/oauth/register", json=body)


async def test_what_is_registered_and_what_is_not_twenty_times_an_hour(gateway: Gateway) -> None:
    uris = ["cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/callback"]

    made = await registered(
        gateway, redirect_uris=uris, token_endpoint_auth_method="client_secret_post", jwks={}
    )
    refused = [(await registered(gateway, **change)).json()["error"] for change, _ in REFUSED]
    left = [(await registered(gateway)).status_code for _ in range(8)]

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["redirect_uris"] == uris
    assert made.json()["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in made.json()
    assert refused == [error for _, error in REFUSED]
    assert left == [201] * 7 + [429]
