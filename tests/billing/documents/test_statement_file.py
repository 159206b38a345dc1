"""A statement's file says whose it is and of which time."""

import pytest

from billing.documents.statement_sheet import statement_name
from kernel.clock import parse_rfc3339

MARCH = "2026-03-01T00:00:00Z"


def at(text: str) -> int:
    return parse_rfc3339(text)


@pytest.mark.parametrize(
    ("account", "since", "until", "name"),
    [
        ("Acme", MARCH, "2026-04-01T00:00:00Z", "statement-acme-2026-03"),
        ("Acme", MARCH, "2026-03-20T12:00:00Z", "statement-acme-2026-03"),
        ("Acme", MARCH, "2026-03-02T00:00:00Z", "statement-acme-2026-03-01"),
        (
            "Müller & Söhne / Köln",
            "2026-03-05T00:00:00Z",
            "2026-04-01T00:00:00Z",
            "statement-muller-sohne-koln-2026-03-05-to-2026-03-31",
        ),
        ('../"\r\nx', MARCH, "2026-04-01T00:00:00Z", "statement-x-2026-03"),
        ("متجر", MARCH, "2026-04-01T00:00:00Z", "statement-2026-03"),
        ("a" * 200, MARCH, "2026-04-01T00:00:00Z", f"statement-{'a' * 40}-2026-03"),
    ],
)
def test_it_is_named_by_account_and_time(account: str, since: str, until: str, name: str) -> None:
    assert statement_name(account, at(since), at(until)) == name


def test_a_statement_of_everything_says_until_when() -> None:
    assert (
        statement_name("Acme", 0, at("2026-03-20T12:00:00Z")) == "statement-acme-until-2026-03-20"
    )
