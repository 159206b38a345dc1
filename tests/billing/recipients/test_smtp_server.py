"""What TOPUP_SMTP_URL and TOPUP_MAIL_FROM may say."""

import pytest

from billing.recipients.smtp_server import SmtpServer, parse_mail_from, parse_smtp_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mx.acme.com", SmtpServer("mx.acme.com", 25, "none")),
        ("starttls://mx.acme.com", SmtpServer("mx.acme.com", 587, "starttls")),
        (
            "smtps://me%40acme.com:p%2Fw@mx.acme.com:2465",
            SmtpServer("mx.acme.com", 2465, "tls", "me@acme.com", "p/w"),
        ),
        ("smtp://u:p@127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, "none", "u", "p")),
    ],
)
def test_the_scheme_says_how_the_connection_is_made_safe(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "http://mx.acme.com",
        "smtp://",
        "smtp://mx.acme.com/path",
        "smtp://mx.acme.com:99999",
        "smtps://user@mx.acme.com",
        # In the clear, over a network.
        "smtp://user:secret@mx.acme.com",
    ],
)
def test_anything_else_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_smtp_url(url)

    assert "secret" not in str(refused.value)


def test_a_sender_is_an_address_with_a_name_or_without() -> None:
    named, bare = parse_mail_from("Acme Credit <Credit@Acme.com>"), parse_mail_from("a@acme.com")

    assert (named.display_name, named.addr_spec) == ("Acme Credit", "credit@acme.com")
    assert (bare.display_name, bare.addr_spec) == ("", "a@acme.com")


@pytest.mark.parametrize("text", ["Acme", "a@b", "A\r\nBcc: x@y.com <a@acme.com>", "<>"])
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_mail_from(text)
