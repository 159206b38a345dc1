"""Recipient addresses in the form that keys a wallet."""

import idna
import pytest
from hypothesis import given, strategies as st

from keys.account import InvalidEmail, normalise_email


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("user@example.com", "user@example.com"),
        ("  User@Example.COM \t", "user@example.com"),
        ("user@example.com\r\n", "user@example.com"),
        # No folding: these are different mailboxes as far as we can know.
        ("first.last+tag@gmail.com", "first.last+tag@gmail.com"),
        # A-labels as in RFC 3492's and the IDNA test vectors.
        ("user@bücher.example", "user@xn--bcher-kva.example"),
        ("user@BÜCHER.example", "user@xn--bcher-kva.example"),
        ("user@xn--bcher-kva.example", "user@xn--bcher-kva.example"),
        ("user@faß.de", "user@xn--fa-hia.de"),
        ("user@例え.テスト", "user@xn--r8jz45g.xn--zckzah"),
        # Full-width letters and the ideographic full stop are other spellings of the same domain.
        ("user@ｅxample。com", "user@example.com"),
        ("o'neil_{x}@a-b.example", "o'neil_{x}@a-b.example"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
        ("1@1.example", "1@1.example"),
        ("failed@sandbox.test", "failed@sandbox.test"),
    ],
)
def test_an_address_has_one_spelling(text: str, address: str) -> None:
    assert normalise_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "user",
        "@example.com",
        "user@",
        "user@@example.com",
        "a@b@example.com",
        "user@localhost",
        "user@192.0.2.1",
        "user@[192.0.2.1]",
        "user@example.com.",
        "user@.example.com",
        "user@example..com",
        "user@-example.com",
        "user@example-.com",
        "user@ex_ample.com",
        "user@ab--cd.example",
        "user@xn--a.example",
        "user@example.c",
        "user@exam ple.com",
        "us er@example.com",
        ".user@example.com",
        "user.@example.com",
        "us..er@example.com",
        '"user"@example.com',
        "user(comment)@example.com",
        "User <user@example.com>",
        "a@example.com,b@example.com",
        "us\x00er@example.com",
        "us\ner@example.com",
        "user@exa\x00mple.com",
        "usér@example.com",
        # The Kelvin sign lower-cases to k: two texts, one mailbox, and not ASCII.
        "\u212aim@example.com",
        "user@\ud800.com",
        "user@\u200d.com",
        "x" * 65 + "@example.com",
        "user@" + "x" * 64 + ".com",
        "user@" + "x." * 126 + "com",
        "x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".example",
        "@" * 2000,
        "x" * 100_000,
        "user@" + "ü" * 1000 + ".com",
    ],
)
def test_what_mail_cannot_reach_is_refused(text: str) -> None:
    with pytest.raises(InvalidEmail) as refused:
        normalise_email(text)

    assert refused.value.param == "recipient_email"
    # The text of a stranger is not repeated.
    assert len(str(refused.value)) < 100


_LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?", fullmatch=True)


@given(st.lists(_LABELS, min_size=2, max_size=4))
def test_a_plain_domain_gets_what_idna_makes_of_it(labels: list[str]) -> None:
    domain = ".".join([*labels, "example"])
    try:
        expected = idna.encode(domain, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        with pytest.raises(InvalidEmail):
            normalise_email(f"user@{domain}")
    else:
        assert normalise_email(f"user@{domain}") == f"user@{expected}"


@given(st.one_of(st.text(), st.builds("{}@{}".format, st.text(max_size=9), st.text(max_size=20))))
def test_normalising_again_changes_nothing_and_nothing_else_is_raised(text: str) -> None:
    try:
        address = normalise_email(text)
    except InvalidEmail:
        return

    assert normalise_email(address) == address
    assert address.isascii()
    assert address == address.lower()
    assert len(address) <= 254
    assert address.count("@") == 1
