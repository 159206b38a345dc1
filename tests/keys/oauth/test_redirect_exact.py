"""Exact redirect addresses: to the letter, but for the port of a program on the user's machine."""

import base64

import pytest

from kernel.errors import InvalidInput
from keys.oauth.redirect import RedirectRefused, Registered, check_redirect, landing, register

HOST = "app.example.com"
ISSUER = "https://pay.example"
ISS = "iss=https%3A%2F%2Fpay.example"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


EXACT = Registered("", ("https://app.example.com/cb", "http://127.0.0.1:7000/back?x=1"))


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com/cb",
        "http://127.0.0.1:7000/back?x=1",
        # A program on the user's machine takes whatever port is free (RFC 8252, 7.3).
        "http://127.0.0.1:51004/back?x=1",
        "http://127.0.0.1/back?x=1",
    ],
)
def test_an_exact_address_passes_to_the_letter(url: str) -> None:
    check_redirect(url, EXACT)


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com/",
        "https://app.example.com/cb/",
        "https://app.example.com/cb?x=1",
        "https://app.example.com/CB",
        "https://app.example.com:443/cb",
        "https://app.example.com:8443/cb",
        "https://app.example.com/cb/../cb",
        "http://app.example.com/cb",
        "http://localhost:7000/back?x=1",
        "http://127.0.0.1:7000/back",
        "http://127.0.0.1:7000/back?x=2",
        "https://127.0.0.1:7000/back?x=1",
        "http://127.0.0.1:7000@evil.example/back?x=1",
        "http://127.0.0.1:/back?x=1",
        "http://127.0.0.1:123456/back?x=1",
        "",
    ],
)
def test_whatever_else_is_no_exact_address(url: str) -> None:
    with pytest.raises(RedirectRefused, match="not one of the addresses"):
        check_redirect(url, EXACT)


def test_an_app_of_exact_addresses_has_no_template() -> None:
    with pytest.raises(RedirectRefused, match="registered a whole host"):
        landing(
            "https://app.example.com/cb",
            registered=EXACT,
            code="c0de",
            state="s",
            issuer=ISSUER,
            template=encoded("?code={code}"),
        )


def test_a_template_may_name_the_issuer() -> None:
    made = landing(
        "https://app.example.com/cb",
        registered=Registered(HOST),
        code="c0de",
        state="s",
        issuer=ISSUER,
        template=encoded("?code={code}&iss={iss}"),
    )

    assert made == f"https://app.example.com/cb?code=c0de&{ISS}"


@pytest.mark.parametrize(
    "uri",
    [
        "app.example.com/cb",
        "http://app.example.com/cb",
        "https://app.example.com/cb#x",
        "https://app.example.com/a/../cb",
        "https://app.example.com/cb?code=1",
        "https://app.example.com/cb?a=1&state=",
        "https://user@app.example.com/cb",
        "https://2130706433/cb",
        "https://app.example.com:0/cb",
        "https://localhost.evil/{code}",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_that_is_no_plain_url_cannot_be_registered(uri: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        register("", [uri])

    assert refused.value.param == "redirect_uris"


def test_an_app_names_an_address() -> None:
    with pytest.raises(InvalidInput, match="at least one redirect address"):
        register("", [])
    with pytest.raises(InvalidInput, match="at most 10"):
        register("", [f"https://app.example.com/{n}" for n in range(11)])
    assert register("App.example.com", []) == Registered("app.example.com")
