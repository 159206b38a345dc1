"""Every kind of transfer and ledger account has words for people."""

import pytest

from billing.ledger.chart import Code, LedgerAccountKind, account_words, code_words


@pytest.mark.parametrize("code", list(Code))
def test_each_reason_of_a_transfer_has_words(code: Code) -> None:
    words = code_words(str(code))

    assert words[0].isupper()
    assert "_" not in words


@pytest.mark.parametrize("kind", list(LedgerAccountKind))
def test_each_kind_of_ledger_account_has_words(kind: LedgerAccountKind) -> None:
    assert "_" not in account_words(str(kind))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("wallet", "Wallet"),
        ("recipient:claude/bob@example.com", "bob@example.com, claude"),
        ("grant:grt_0V1", "Promotional credit"),
        ("grant:pgr_0V1", "Credit of a plan"),
        ("provider:stripe", "Payment, stripe"),
    ],
)
def test_an_account_is_named_by_what_a_person_knows(label: str, words: str) -> None:
    assert account_words(label) == words
