"""A code goes to an address that was registered, to the letter; nothing that looks like it will do."""

from urllib.parse import parse_qs, urlsplit

import pytest

from keys.authorization.client import (
    AuthorizationRefused,
    check_uris,
    destination,
    is_on_device,
    is_registered,
    with_answer,
)

WEB = "https://desk.example/cb?from=gateway"
LOOPBACK = "http://127.0.0.1:3030/cb"
LOCAL = "http://localhost/cb"
PRIVATE = "cursor://anysphere.cursor-mcp/oauth/callback"
REGISTERED = (WEB, LOOPBACK, LOCAL, PRIVATE)


@pytest.mark.parametrize(
    "uri",
    [
        *REGISTERED,
        # RFC 8252, 7.3: a program takes the port that is free.
        "http://127.0.0.1:51004/cb",
        "http://127.0.0.1/cb",
        "http://localhost:8080/cb",
    ],
)
def test_where_a_code_may_go(uri: str) -> None:
    assert is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://desk.example/cb",
        "https://desk.example/cb?from=gateway&x=1",
        "https://desk.example/cb?from=gatewa",
        "https://desk.example/cb?from=gateway#x",
        "https://desk.example/cb?from=gateway ",
        "https://desk.example/cb/?from=gateway",
        "https://desk.example/CB?from=gateway",
        "https://DESK.example/cb?from=gateway",
        "https://desk.example:443/cb?from=gateway",
        "https://desk.example:8443/cb?from=gateway",
        "https://desk.example./cb?from=gateway",
        "https://desk.example.evil.example/cb?from=gateway",
        "https://evil.example/https://desk.example/cb?from=gateway",
        "https://desk.example@evil.example/cb?from=gateway",
        "https://evil.example@desk.example/cb?from=gateway",
        "https://desk.example/x/../cb?from=gateway",
        "https://desk.example/%63b?from=gateway",
        "https://desk.example/cb%3Ffrom=gateway",
        "http://desk.example/cb?from=gateway",
        "//desk.example/cb?from=gateway",
        "https:/desk.example/cb?from=gateway",
        "https://desk.example\\cb?from=gateway",
        "https://desk.example/cb?from=gateway\r\nLocation: https://evil.example",
        "http://127.0.0.1:3030/cb/",
        "http://127.0.0.1:3030/cb?x=1",
        "http://127.0.0.2:3030/cb",
        "http://127.1:3030/cb",
        "http://2130706433/cb",
        "http://localhost.evil.example/cb",
        "http://localhost:80@evil.example/cb",
        "http://127.0.0.1:x/cb",
        "https://127.0.0.1:3030/cb",
        "http://[::1]:3030/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback/",
        "cursor://evil/oauth/callback",
        "CURSOR://anysphere.cursor-mcp/oauth/callback",
        "vscode://anysphere.cursor-mcp/oauth/callback",
        "javascript:alert(1)",
    ],
)
def test_where_no_code_goes(uri: str) -> None:
    assert not is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "javascript://a.b/%0aalert(1)",
        "data:text/html,x",
        "data.x:text/html,x",
        "file:///etc/passwd",
        "blob:https://desk.example/x",
        "about:blank",
        "ftp://desk.example/",
        "intent://scan/#Intent;end",
        "unknown://x",
        "com.example.app:/cb#x",
        # It would be an answer of ours before there is one.
        "com.example.app:/cb?code=x",
        "cursor://x/cb?a=b&iss=https%3A%2F%2Fevil.example",
        "com.example.app:/c b",
        "http://desk.example/cb",
        "http://127.0.0.2/cb",
        "http://u:p@127.0.0.1/cb",
        "https://u@desk.example/cb",
        "https://desk.example/cb#x",
        "https:desk.example/cb",
        "https://",
        "/cb",
        "",
    ],
)
def test_what_no_client_may_register(uri: str) -> None:
    with pytest.raises(AuthorizationRefused):
        check_uris([uri])


def test_what_a_client_may_register_is_kept_to_the_letter_and_once() -> None:
    assert check_uris([*REGISTERED, WEB]) == REGISTERED


def test_a_client_has_one_to_ten_addresses() -> None:
    for uris in ([], [f"https://desk.example/{number}" for number in range(11)]):
        with pytest.raises(AuthorizationRefused):
            check_uris(uris)


@pytest.mark.parametrize(
    ("uri", "shown", "is_device"),
    [
        (WEB, "desk.example", False),
        (LOOPBACK, "127.0.0.1:3030", True),
        (LOCAL, "localhost", True),
        (PRIVATE, "cursor:", True),
        ("com.example.app:/cb", "com.example.app:", True),
        ("https://localhost.evil.example/cb", "localhost.evil.example", False),
    ],
)
def test_what_a_person_is_shown_of_it(uri: str, shown: str, is_device: bool) -> None:
    assert (destination(uri), is_on_device(uri)) == (shown, is_device)


def test_an_answer_joins_the_query_that_was_registered() -> None:
    landed = with_answer(WEB, [("code", "a"), ("state", "x&code=b/é"), ("iss", None)])

    assert landed.startswith("https://desk.example/cb?")
    query = parse_qs(urlsplit(landed).query)
    assert query == {"from": ["gateway"], "code": ["a"], "state": ["x&code=b/é"]}
