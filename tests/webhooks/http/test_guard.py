import pytest
from hypothesis import given, strategies as st

from webhooks.http.guard import Policy, UrlRefused, check_url, vet

STRICT = Policy()
STAGING = Policy(allow_http=True)
DEVELOPMENT = Policy(allow_private=True)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "target"),
    [
        ("https://example.com", "example.com", 443, "example.com", "/"),
        ("https://example.com?a=b", "example.com", 443, "example.com", "/?a=b"),
        ("HTTPS://EXAMPLE.com:443/A", "example.com", 443, "example.com", "/A"),
        ("https://a.example.com:8443/x?y=/z", "a.example.com", 8443, "a.example.com:8443", "/x?y=/z"),
        ("https://example.com./", "example.com", 443, "example.com", "/"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "xn--bcher-kva.example", "/"),
        ("https://example。com/", "example.com", 443, "example.com", "/"),
        ("https://_dmarc.example.com/", "_dmarc.example.com", 443, "_dmarc.example.com", "/"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "8.8.8.8", "/"),
        ("https://0x8.8.2056/", "8.8.8.8", 443, "8.8.8.8", "/"),
        ("https://[2606:4700::0:1111]:80/", "2606:4700::1111", 80, "[2606:4700::1111]:80", "/"),
        ("https://example.com/%0d%0aX:%20y", "example.com", 443, "example.com", "/%0d%0aX:%20y"),
        ("https://example.com/a@b:c", "example.com", 443, "example.com", "/a@b:c"),
    ],
)  # fmt: skip
def test_url_is_split_as_it_will_be_sent(
    url: str, host: str, port: int, authority: str, target: str
) -> None:
    parsed = check_url(url, STRICT)

    assert (parsed.scheme, parsed.host, parsed.port) == ("https", host, port)
    assert (parsed.authority, parsed.target) == (authority, target)


LITERALS = [
    "127.0.0.1", "2130706433", "017700000001", "0x7f000001", "0x7F.1", "127.1", "127.0.1", "0177.0.0.1",
    "0x7f.0.0.0x1", "0", "00", "0.0.0.0", "127.0.0.1.", "127.000.000.001", "１２７.0.0.1", "①②⑦.⓪.⓪.①",
    "127。0。0。1", "127．0．0．1", "169.254.169.254", "2852039166", "0xa9fea9fe", "168.63.129.16",
    "[::1]", "[::]", "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "[fe80::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", LITERALS)
def test_forbidden_literal_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(f"https://{host}/", STRICT)

    assert refused.value.reason == "address"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "a.localhost", "ｌｏｃａｌｈｏｓｔ", "printer.local",
        "metadata.google.internal", "instance-data", "intranet", "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local", "router.home.arpa", "box.lan",
    ],
)  # fmt: skip
def test_internal_name_is_refused_unresolved(host: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(f"https://{host}/", STRICT)

    assert refused.value.reason == "address"


@pytest.mark.parametrize(
    ("url", "policy", "reason", "detail"),
    [
        ("", STRICT, "form", "The URL is empty."),
        ("https://example.com/" + "a" * 2029, STRICT, "form",
         "A URL can have at most 2048 characters."),
        ("ftp://example.com/", STRICT, "scheme", "Only https URLs are allowed here."),
        ("http://example.com/", STRICT, "scheme", "Only https URLs are allowed here."),
        ("ftp://example.com/", Policy(allow_http=True), "scheme",
         "Only https and http URLs are allowed here."),
        ("ftp://example.com/", Policy(allow_private=True), "scheme",
         "Only https and http URLs are allowed here."),
        ("example.com", STRICT, "form", "The URL must begin with https://."),
        ("example.com", Policy(allow_http=True), "form", "The URL must begin with https:// or http://."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_under_this_policy(
    url: str, policy: Policy, reason: str, detail: str
) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(url, policy)

    assert (refused.value.reason, refused.value.detail) == (reason, detail)


def test_forbidden_and_unresolvable_look_the_same_to_the_caller() -> None:
    with pytest.raises(UrlRefused) as literal:
        check_url("https://10.0.0.1/", STRICT)
    with pytest.raises(UrlRefused) as unresolved:
        vet("gone.example", [], STRICT)

    assert literal.value.detail == unresolved.value.detail
    assert "10.0.0.1" not in literal.value.detail
    assert "10.0.0.1" in literal.value.log_reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "form"),
        ("example.com", "form"),
        ("//example.com/", "form"),
        ("https:example.com", "form"),
        ("https:///127.0.0.1", "form"),
        ("https://", "form"),
        ("https://./", "form"),
        ("https://a..b/", "form"),
        ("https://.a.b/", "form"),
        ("https://-a.example/", "form"),
        ("https://" + "a" * 64 + ".example/", "form"),
        ("https://" + "a." * 127 + "example/", "form"),
        ("https://example.com/" + "a" * 2029, "form"),
        ("https://example.com/#top", "form"),
        ("https://127.0.0.1#@good.example/", "form"),
        ("https://good.example\\@127.0.0.1/", "form"),
        ("https://good.example/\\evil", "form"),
        ("https://exa mple.com/", "form"),
        ("https://example.com/a b", "form"),
        ("https://example.com\t/", "form"),
        ("https://example.com\r\nX: y/", "form"),
        ("https://example.com/\r\nX: y", "form"),
        ("https://example.com/\n", "form"),
        ("https://example.com/\x00", "form"),
        ("https://example\x00.com/", "form"),
        ("https://example.com/ü", "form"),
        ("https://127%2e0.0.1/", "form"),
        ("https://%31%32%37.0.0.1/", "form"),
        ("https://a\u200db.example/", "form"),
        ("https://1.2.3.4.5/", "form"),
        ("https://256.1.1.1/", "form"),
        ("https://08.8.8.8/", "form"),
        ("https://good.example.1/", "form"),
        ("https://99999999999/", "form"),
        ("https://[::1/", "form"),
        ("https://[::1]x/", "form"),
        ("https://[fe80::1%25lo]/", "form"),
        ("https://[fe80::1%lo]/", "form"),
        ("https://[127.0.0.1]/", "form"),
        ("https://::1/", "form"),
        ("https://example.com:/", "form"),
        ("https://example.com:x/", "form"),
        ("https://example.com:-1/", "form"),
        ("https://example.com:443443/", "form"),
        ("https://example.com:４４３/", "form"),
        ("https://user@example.com/", "credentials"),
        ("https://user:password@example.com/", "credentials"),
        ("https://@example.com/", "credentials"),
        ("https://good.example@127.0.0.1/", "credentials"),
        ("http://example.com/", "scheme"),
        ("ftp://example.com/", "scheme"),
        ("gopher://example.com/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript://example.com/", "scheme"),
        (" https://example.com/", "scheme"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "port"),
        *[(f"https://example.com:{port}/", "port") for port in (
            22, 25, 53, 81, 110, 143, 389, 445, 1023, 3306, 5432, 6379, 9200, 11211, 27017)],
    ],
)  # fmt: skip
def test_bad_url_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(url, STRICT)

    assert refused.value.reason == reason


@pytest.mark.parametrize("port", [80, 443, 1024, 3000, 8443, 65535])
def test_ordinary_port_is_accepted(port: int) -> None:
    assert check_url(f"https://example.com:{port}/", STRICT).port == port


@given(st.text(max_size=60))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    for url in (text, "https://" + text, "https://" + text + ".example/", "https://[" + text):
        try:
            parsed = check_url(url, STRICT)
        except UrlRefused:
            continue
        assert parsed.host.isascii()
        assert "\n" not in parsed.authority + parsed.target


def test_http_is_for_staging_and_development() -> None:
    assert check_url("http://example.com/", STAGING).port == 80
    assert check_url("http://example.com/", DEVELOPMENT).scheme == "http"


def test_development_lifts_the_address_rule_but_not_ports_and_credentials() -> None:
    assert check_url("http://127.0.0.1:3000/", DEVELOPMENT).host == "127.0.0.1"
    assert check_url("http://localhost:3000/", DEVELOPMENT).host == "localhost"
    for url in ("http://127.0.0.1:6379/", "http://a@127.0.0.1/", "http://[fe80::1%25lo]/"):
        with pytest.raises(UrlRefused):
            check_url(url, DEVELOPMENT)


def test_allow_lists_open_single_networks_and_names_but_never_ourselves() -> None:
    policy = Policy.of(
        allow_cidrs=["10.1.0.0/16", "fd00::/64"],
        allow_hosts=["Hooks.Internal."],
        own_addresses=["10.1.0.9", "8.8.4.4"],
    )

    assert vet("a.example", ["10.1.2.3", "fd00::1"], policy) == ("10.1.2.3", "fd00::1")
    assert vet("hooks.internal", ["192.168.1.1"], policy) == ("192.168.1.1",)
    for host, addresses in [
        ("a.example", ["10.2.0.1"]),
        ("a.example", ["10.1.0.9"]),
        ("hooks.internal", ["10.1.0.9"]),
        ("a.example", ["8.8.4.4"]),
        ("other.internal", ["192.168.1.1"]),
    ]:
        with pytest.raises(UrlRefused):
            vet(host, addresses, policy)


METADATA = ["169.254.169.254", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"]  # fmt: skip


@pytest.mark.parametrize("address", METADATA)
def test_link_local_and_metadata_are_opened_by_a_named_network_alone(address: str) -> None:
    lifted = Policy.of(allow_private=True, allow_cidrs=["10.0.0.0/8"], allow_hosts=["a.example"])
    shown = f"[{address}]" if ":" in address else address

    with pytest.raises(UrlRefused) as resolved:
        vet("a.example", [address], lifted)
    with pytest.raises(UrlRefused) as literal:
        check_url(f"http://{shown}/latest/meta-data/", lifted)

    assert (resolved.value.reason, literal.value.reason) == ("address", "address")
    named = Policy.of(allow_cidrs=[address])
    assert len(vet("a.example", [address], named)) == 1


def test_what_the_operator_named_may_be_anywhere() -> None:
    own = Policy.of_operator()

    assert vet("stripe-mock", ["10.0.0.1", "169.254.171.3", "fe80::1"], own)
    assert check_url("http://stripe-mock:12111/", own).scheme == "http"


def test_policy_text_that_is_no_network_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        Policy.of(allow_cidrs=["ten"])


@pytest.mark.parametrize(
    "answer",
    [
        [],
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
        ["8.8.8.8", "::1"],
        ["fe80::1%2"],
        ["2606:4700::1%2"],
        ["nonsense"],
    ],
)
def test_one_bad_address_spoils_the_answer(answer: list[str]) -> None:
    with pytest.raises(UrlRefused) as refused:
        vet("a.example", answer, STRICT)

    assert refused.value.reason == "address"


def test_answer_keeps_its_order_in_canonical_spelling() -> None:
    answer = ["2606:4700:0:0::1111", "8.8.8.8", "8.8.8.8"]

    assert vet("a.example", answer, STRICT) == ("2606:4700::1111", "8.8.8.8")
