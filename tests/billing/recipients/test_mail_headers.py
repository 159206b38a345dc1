"""What people wrote stands in a header as text: it is never read as a header of its own."""

from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given
from hypothesis.strategies import characters, sampled_from, text, tuples

from billing.recipients.language import english
from billing.recipients.letter import MAIL_POLICY, OwnerLetter, owner_message
from billing.recipients.owner_mail import OwnerMail
from keys.normalise import normalise_email, normalise_name

OURS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
    *("Content-Type", "Content-Language"),
]
# Both are taken in: the one as a recipient of a send that waits, the other as an account's name.
RECIPIENT = normalise_email("=?utf-8?q?=0d=0abcc=3aeve=40evil.example=0d=0ax=3a?=@evil.example")
NAME = normalise_name("=?utf-8?q?=0d=0a=0d=0aYour_account_is_closed=3a_evil.example?=")


def arrived(subject: str, address: str = "ann@example.com") -> EmailMessage:
    """The mail as its reader's program finds it."""
    mail = OwnerMail(
        id="oml_0000000000000001",
        account_id="acc_0000000000000001",
        environment="live",
        kind="approval",
        status="queued",
        created_at=1_781_352_000_000_000,
    )
    url = "https://pay.acme.com/decide/x"
    letter = OwnerLetter(english(), subject, ("It waits.",), "Decide", url, "That is all.")
    sender = Address("Acme", "credit", "acme.com")
    written = owner_message(mail, letter, address=address, mail_from=sender)
    read = message_from_bytes(written.as_bytes(policy=SMTP), policy=default)
    assert isinstance(read, EmailMessage)
    return read


@pytest.mark.parametrize(
    "text", [f"$10.00 for {RECIPIENT} needs your decision", f"{NAME} sent you"]
)
def test_encoded_words_that_people_wrote_stay_text(text: str) -> None:
    read = arrived(text)

    assert list(read.keys()) == OURS
    assert read["Subject"] == text
    body = read.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("It waits.")


def test_an_address_stays_as_it_was_taken_in() -> None:
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["To"] = RECIPIENT

    assert mail.as_bytes(policy=SMTP) == f"To: {RECIPIENT}\r\n\r\n".encode()
    assert list(arrived("Hello", RECIPIENT).keys()) == OURS


PIECES = text(characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)


@given(tuples(PIECES, sampled_from(["", "=?utf-8?q?=0d=0ax=3a?=", "=?", "?= ", "x" * 90]), PIECES))
def test_any_line_arrives_as_it_was_written(parts: tuple[str, str, str]) -> None:
    line = "".join(parts).strip()
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["Subject"] = line
    raw = mail.as_bytes(policy=SMTP)
    read = message_from_bytes(raw, policy=default)

    assert list(read.keys()) == ["Subject"]
    assert read["Subject"].split() == line.split()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
