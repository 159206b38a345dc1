"""Where a code may be sent: the tricks that have sent codes astray elsewhere, each refused."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, strategies as st

from kernel.errors import InvalidInput
from keys.oauth.redirect import (
    RedirectRefused,
    Registered,
    check_redirect,
    denial,
    landing,
    normalise_host,
)

HOST = "app.example.com"
ISSUER = "https://pay.example"
ISS = "iss=https%3A%2F%2Fpay.example"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://app.example.com", HOST),
        ("https://app.example.com/", HOST),
        ("https://app.example.com/any/path/at-all?with=query&x=%2Fhome", HOST),
        ("https://app.example.com:8443/cb", "app.example.com:8443"),
        ("http://localhost/cb", "localhost"),
        ("http://127.0.0.1:9000/cb", "127.0.0.1:9000"),
        ("https://127.0.0.1:9000/cb", "127.0.0.1:9000"),
        ("http://[::1]:9000/cb", "[::1]:9000"),
        ("https://xn--bcher-kva.example/cb", "xn--bcher-kva.example"),
    ],
)
def test_the_apps_own_host_passes_with_any_path(url: str, host: str) -> None:
    check_redirect(url, Registered(host))


@pytest.mark.parametrize(
    "url",
    [
        # userinfo
        "https://app.example.com@evil.example/cb",
        "https://app.example.com:pw@evil.example/cb",
        "https://user@app.example.com/cb",
        "https://evil.example@app.example.com/cb",
        "https://@app.example.com/cb",
        # subdomain and suffix
        "https://evil.app.example.com/cb",
        "https://www.app.example.com/cb",
        "https://app.example.com.evil.example/cb",
        "https://app.example.community/cb",
        "https://evilapp.example.com/cb",
        "https://example.com/cb",
        # case, also of the scheme
        "https://APP.example.com/cb",
        "https://App.Example.Com/cb",
        "HTTPS://app.example.com/cb",
        # port
        "https://app.example.com:8443/cb",
        "https://app.example.com:80/cb",
        "https://app.example.com:443/cb",
        "https://app.example.com:/cb",
        "https://app.example.com:0443/cb",
        # scheme
        "http://app.example.com/cb",
        "//app.example.com/cb",
        "javascript://app.example.com/%0Aalert(1)",
        "data://app.example.com/cb",
        "myapp://app.example.com/cb",
        "https:app.example.com/cb",
        "https:/app.example.com/cb",
        "https:///app.example.com/cb",
        "app.example.com/cb",
        "/cb",
        "",
        # fragment
        "https://app.example.com/cb#token",
        "https://app.example.com#@evil.example/",
        "https://evil.example#app.example.com",
        "https://evil.example?https://app.example.com",
        "https://evil.example/app.example.com",
        # encoded slashes and dots
        "https://app.example.com%2f@evil.example/cb",
        "https://evil.example%2f@app.example.com/cb",
        "https://app.example.com%2Fcb",
        "https:%2f%2fapp.example.com/cb",
        "https://app.example.com/%2f%2fevil.example",
        "https://app.example.com/%5cevil.example",
        "https://app.example.com//evil.example",
        # a path that a browser shortens before it goes there
        "https://app.example.com/cb/../open?to=evil.example",
        "https://app.example.com/cb/%2e%2e/open",
        "https://app.example.com/./cb",
        "https://app.example.com/cb/..",
        "https://app%2eexample.com/cb",
        "https://app.example.com/%",
        "https://app.example.com/%zz",
        # CR and LF, plain and encoded
        "https://app.example.com/cb\r\nLocation: https://evil.example",
        "https://app.example.com\r\n.evil.example/cb",
        "https://app.example.com/cb%0d%0aLocation:%20https://evil.example",
        "https://app.example.com/cb\n",
        # backslash, tab, space, NUL
        "https:\\\\app.example.com/cb",
        "https://evil.example\\@app.example.com/cb",
        "https://app.example.com\\@evil.example/cb",
        "https://app.example.com\\.evil.example/cb",
        "https://app.example.com/\\evil.example",
        "https://app\t.example.com/cb",
        "\thttps://app.example.com/cb",
        " https://app.example.com/cb",
        "https://app.example.com /cb",
        "https://app.example.com/cb\x00",
        # other scripts' letters and dots
        "https://аpp.example.com/cb",
        "https://app.example.com。evil.example/cb",
        "https://app．example.com/cb",
        "https://ⓐpp.example.com/cb",
        "https://app.example.com/ü",
        # IPv6, numbers, trailing dot
        "https://[::1]/cb",
        "https://[::ffff:127.0.0.1]/cb",
        "https://[app.example.com]/cb",
        "https://127.0.0.1/cb",
        "https://2130706433/cb",
        "https://app.example.com./cb",
        "https://app.example.com../cb",
        # markup
        "https://app.example.com/<script>",
        'https://app.example.com/"onload=',
        "https://app.example.com/{code}",
        "https://app.example.com/" + "x" * 2048,
    ],
)
def test_a_url_that_could_lead_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(RedirectRefused):
        check_redirect(url, Registered(HOST))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.evil.example/cb",
        "http://localhost:9001/cb",
        "http://127.0.0.1:9000/cb",
        "http://127.0.0.2:9000/cb",
        "http://127.1:9000/cb",
        "http://0x7f.1:9000/cb",
        "http://[::1]:9000/cb",
    ],
)
def test_loopback_is_exact_as_well(url: str) -> None:
    with pytest.raises(RedirectRefused):
        check_redirect(url, Registered("localhost:9000"))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("App.Example.COM", "app.example.com"),
        ("app.example.com:443", "app.example.com"),
        ("app.example.com:8443", "app.example.com:8443"),
        ("localhost:3000", "localhost:3000"),
        ("[::1]:3000", "[::1]:3000"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_registered_host_has_one_spelling(text: str, host: str) -> None:
    assert normalise_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://app.example.com",
        "app.example.com/cb",
        "user@app.example.com",
        "app.example.com.",
        ".app.example.com",
        "app..example.com",
        "*.example.com",
        "com",
        "-a.example.com",
        "bücher.example",
        "app.example.com:0",
        "app.example.com:65536",
        "app.example.com:08443",
        "app.example.com:",
        "10.0.0.1",
        "1.2.3.0x4",
        "[::2]",
        "[::1",
        "::1",
        "a" * 64 + ".example",
        ("a." * 127) + "example",
        "app.example.com\n",
    ],
)
def test_a_host_that_is_none_cannot_be_registered(text: str) -> None:
    with pytest.raises(InvalidInput):
        normalise_host(text)


def test_code_and_state_join_the_redirects_own_query() -> None:
    def to(url: str, state: str | None = "s 1&x=/é#") -> str:
        return landing(
            url, registered=Registered(HOST), issuer=ISSUER, code="rA6HSC0xLXbV1lJj", state=state
        )

    assert to("https://app.example.com/cb") == (
        "https://app.example.com/cb?code=rA6HSC0xLXbV1lJj&state=s%201%26x%3D%2F%C3%A9%23&" + ISS
    )
    assert to("https://app.example.com/cb", None) == (
        f"https://app.example.com/cb?code=rA6HSC0xLXbV1lJj&{ISS}"
    )
    assert to("https://app.example.com?a=b", "z") == (
        f"https://app.example.com?a=b&code=rA6HSC0xLXbV1lJj&state=z&{ISS}"
    )
    assert to("https://app.example.com/?", "z") == (
        f"https://app.example.com/?code=rA6HSC0xLXbV1lJj&state=z&{ISS}"
    )


@pytest.mark.parametrize("name", ["code", "state", "error", "iss", "%63ode"])
def test_a_redirect_cannot_bring_our_parameters_along(name: str) -> None:
    with pytest.raises(RedirectRefused):
        landing(
            f"https://app.example.com/?{name}=x",
            registered=Registered(HOST),
            issuer=ISSUER,
            code="c",
            state=None,
        )


def test_a_denial_says_so() -> None:
    told = denial(
        "https://app.example.com/cb",
        registered=Registered(HOST),
        error="access_denied",
        state="s",
        issuer=ISSUER,
    )

    assert told == f"https://app.example.com/cb?error=access_denied&state=s&{ISS}"


def test_the_published_template_is_put_behind_the_redirect() -> None:
    # The vendor's own example: ?code={code}&state={state}&tgid=114514
    template = "P2NvZGU9e2NvZGV9JnN0YXRlPXtzdGF0ZX0mdGdpZD0xMTQ1MTQ="

    url = landing(
        "https://app.example.com/cb",
        registered=Registered(HOST),
        issuer=ISSUER,
        code="c0de",
        state="a&b=c/d",
        template=template,
    )

    assert url == "https://app.example.com/cb?code=c0de&state=a%26b%3Dc%2Fd&tgid=114514"


def test_both_alphabets_of_base64_and_no_padding_pass() -> None:
    standard = encoded("?x=???&code={code}")
    assert "/" in standard
    for template in (standard, standard.replace("/", "_").rstrip("=")):
        assert (
            landing(
                "https://app.example.com/cb",
                registered=Registered(HOST),
                issuer=ISSUER,
                code="c",
                state="",
                template=template,
            )
            == "https://app.example.com/cb?x=???&code=c"
        )


@pytest.mark.parametrize(
    "text",
    [
        ".evil.example/?code={code}",
        "@evil.example/?code={code}",
        ":8443/?code={code}",
        ":pw@evil.example/{code}",
        "{code}.evil.example/",
        "#{code}",
        "/?code={code}#x",
        "\\@evil.example/{code}",
        "//evil.example/{code}",
        "/%2f%2fevil.example/{code}",
        "/../{code}",
        "/%2e%2E/{code}",
        "/./{code}",
        "/{code}/..",
        "/\r\nSet-Cookie: a={code}",
        "/ {code}",
        "/{code}{other}",
        "/é{code}",
        "/?state={state}",
        "",
    ],
)
def test_a_template_cannot_lead_elsewhere(text: str) -> None:
    with pytest.raises(RedirectRefused, match=r"^redirect_template ") as refused:
        landing(
            "https://app.example.com",
            registered=Registered(HOST),
            issuer=ISSUER,
            code="c0de",
            state="s",
            template=encoded(text),
        )

    assert refused.value.param == "redirect_template"


@pytest.mark.parametrize("template", ["?code={code}", "====", "A", "é", "x" * 1025, "/w=="])
def test_a_template_that_is_not_base64_is_refused(template: str) -> None:
    with pytest.raises(RedirectRefused, match=r"^redirect_template ") as refused:
        landing(
            "https://app.example.com",
            registered=Registered(HOST),
            issuer=ISSUER,
            code="c",
            state="",
            template=template,
        )

    assert refused.value.param == "redirect_template"


@given(state=st.text(max_size=50), code=st.text("abcXYZ019", min_size=1, max_size=16))
def test_no_state_can_change_where_the_browser_goes(state: str, code: str) -> None:
    state = state.encode("utf-8", "replace").decode()
    template = encoded("/in/{state}?code={code}&s={state}")
    plain = landing(
        "https://app.example.com/cb",
        registered=Registered(HOST),
        issuer=ISSUER,
        code=code,
        state=state,
    )
    query = parse_qs(urlsplit(plain).query, keep_blank_values=True)

    assert urlsplit(plain).netloc == HOST
    assert query == {"code": [code], "state": [state], "iss": [ISSUER]}
    try:
        made = landing(
            "https://app.example.com",
            registered=Registered(HOST),
            issuer=ISSUER,
            code=code,
            state=state,
            template=template,
        )
    except RedirectRefused:
        assert {"/", "\\", "\x7f"} & set(state) or state in {".", ".."} or min(state) < " "
    else:
        assert urlsplit(made).netloc == HOST
