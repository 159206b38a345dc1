"""Each column that names another row is compared with that row, or it says why not."""

from typing import Final

from billing.ledger.audit_topups import OF_TOPUPS
from billing.proof.standing_rows import LINKS
from store.schema import metadata

_THEIRS: Final = "a provider's or a client's own name, of no row of ours"
_LEDGER: Final = "the ledger's rules go from each transfer to its row and back"
_LEAVES: Final = "the record log's leaves have the row's account"
_PERSON: Final = "a person's access: no money hangs on it"
_CATALOGUE: Final = "of an environment's catalogue, which changes"
_ANOTHER: Final = "an app is of another account than its user"
_PLACE: Final = "a place in a walk, or of a log"
# By table.column, or by column where it is so in each table.
NOT_COMPARED: Final = {
    **dict.fromkeys(("app_id", "oauth_app_id"), _ANOTHER),
    **dict.fromkeys(("plan_id", "next_plan_id", "pack_id"), _CATALOGUE),
    **dict.fromkeys(("debit_id", "credit_id"), _LEDGER),
    **dict.fromkeys(("person_id", "member_id", "invitation_id", "session_id"), _PERSON),
    **dict.fromkeys(("client_id", "family_id", "credential_id"), _PERSON),
    **dict.fromkeys(
        ("object_id", "linked_id", "invoice_id", "provider_refund_id", "tax_id", "event_id"),
        _THEIRS,
    ),
    **dict.fromkeys(("orders.payment_id", "payment_fees.payment_id"), _THEIRS),
    **dict.fromkeys(("payment_breakdowns.payment_id", "plans.creem_product_id"), _THEIRS),
    **dict.fromkeys(("sandbox_checkouts.payment_id", "request_log.request_id"), _THEIRS),
    **dict.fromkeys(("after_id", "like_id", "first_id", "last_id", "process_id"), _PLACE),
    "account_environments.recharge_order_id": "the next order's, which is made later",
    "actor_account_id": _LEAVES,
    "attempts.delivery_id": _LEAVES,
    "audit_log.subject_id": _LEAVES,
    "batch_items.batch_id": "its own table's rule compares how many there are",
    "batch_items.transaction_id": "its own table's rule compares the account",
    "checkins.grant_id": _LEDGER,
    "deliveries.endpoint_id": _LEAVES,
    "deliveries.replay_id": _LEAVES,
    "deliveries.transaction_id": _LEAVES,
    "endpoints.subscriber_id": "the worker judges the credential before each delivery",
    "endpoints.subscription_id": "a digest of what an MCP client asked for, and no row's name",
    "entitlement_uses.key_id": "a count without money, which retention deletes",
    "events.transaction_id": _LEAVES,
    "handed_over.transaction_id": "of a digest of all accounts together",
    "machine_payments.transaction_id": _LEDGER,
    "money_differences.subject_id": "a report's own note",
    "oauth_charges.owner_id": _ANOTHER,
    "owner_mails.subscription_id": "what a mail is about, of several kinds",
    "request_log.transaction_id": _PLACE,
    "request_log.credential_id": _PLACE,
    "sealed_balances.ledger_account_id": "the sealed sums have a proof of their own",
    "spend_windows.key_id": "a window's sum is proved by what its key spent",
    "stock_codes.transaction_id": "the stock's rule compares it",
    "topup_intents.transaction_id": "a guard of minutes against the same send",
    "transfers.subject_id": _LEDGER,
    "transfers.transaction_id": _LEDGER,
    "usage_days.key_id": _LEDGER,
    "usage_records.key_id": _LEDGER,
}


def test_each_column_that_names_a_row_is_compared_or_says_why_not() -> None:
    compared = {f"{one.table}.{one.column}" for one in LINKS}
    compared |= {f"{table}.transaction_id" for table in OF_TOPUPS}
    named = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_id") and column.name != "account_id"
    }

    is_excused = {one for one in named if one in NOT_COMPARED or one.split(".")[1] in NOT_COMPARED}
    assert named - compared - is_excused == set(), "billing/proof/standing_rows.py, or why not"
    assert compared - named == set()
    used = {one if one in NOT_COMPARED else one.split(".")[1] for one in is_excused}
    assert NOT_COMPARED.keys() - used == set()
    assert compared & NOT_COMPARED.keys() == set()


def test_the_keys_of_each_link_are_its_table_s() -> None:
    keys = {table.name: [one.name for one in table.primary_key] for table in metadata.sorted_tables}
    wrong = []
    for link in LINKS:
        columns = metadata.tables[link.table].columns
        is_right = (
            list(link.keys) == keys[link.table]
            and link.has_account == ("account_id" in columns)
            and link.has_environment == ("environment" in columns)
        )
        if not is_right:
            wrong.append(f"{link.table}.{link.column}: {keys[link.table]}")
    assert wrong == []
