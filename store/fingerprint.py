"""Compute a digest of a table's columns and indexes that is the same in both databases.

The digest doesn't depend on column order, index names or expression text.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from store.database import Row

_TYPES = {"blob": "bytea"}

_OF_0080: Final = {
    "accepted_losses": "e9bb8098d7bb",
    "access_tokens": "67e938480a55",
    "account_environments": "4750d931b5e0",
    "accounts": "3854f33e063f",
    "api_key_secrets": "e4f5febce2d0",
    "api_keys": "210212c045b9",
    "approvals": "74e919159593",
    "attempts": "8ba388411773",
    "audit_log": "2f2f6d9d47fb",
    "authorization_clients": "72efe4db0100",
    "authorization_codes": "54a857951beb",
    "authorization_grants": "639a280e51ac",
    "authorization_tokens": "fd46ce35e709",
    "backups": "ce71b220dee2",
    "batch_items": "8a830c48c40e",
    "batches": "aa2faba0dfb7",
    "billing_details": "aae5b171bf53",
    "billing_documents": "928ed630543c",
    "checkin_days": "d8ede89c4498",
    "checkin_settings": "f56a4c702aaf",
    "checkins": "51681bd334f7",
    "checkpoint_proofs": "824c2302e56a",
    "checkpoint_tiles": "5a536a7df0b0",
    "checkpoints": "2c16f49720b6",
    "code_redemptions": "d742910e9625",
    "commit_tokens": "3e53807bf1cb",
    "coupon_uses": "1dc1af9b2c06",
    "coupons": "c10575d1df66",
    "credit_adjustments": "c5f59c0b3a85",
    "deliveries": "1331ea54192f",
    "device_logins": "24bfdf793be8",
    "disputes": "af5c416cb4cc",
    "document_series": "958dfeb16c9d",
    "email_verifications": "c9b5ebf3cdaf",
    "endpoint_queue": "e2fe80965de7",
    "endpoints": "844c5352d723",
    "entitlement_counts": "7da5faef9612",
    "entitlement_uses": "0553648d6994",
    "events": "66d4e628f473",
    "expiry_notices": "b9fc110800d8",
    "forgotten_customers": "cb0537c59f94",
    "fulfilment_attempts": "c612e352b9fd",
    "handed_over": "67c0570508da",
    "handed_over_fill": "5cb24adffd0f",
    "held_invoices": "e698923257a1",
    "holds": "6da20eeb7df1",
    "idempotency_keys": "abe1d28e2cbf",
    "ledger_accounts": "8512077ce52f",
    "ledger_proofs": "9d23774a9186",
    "machine_payments": "07870a857182",
    "mail_refusals": "9adbbf4d77c6",
    "mails": "5ee630e54212",
    "manual_tasks": "16abef0af4dc",
    "members": "6119d702b6a7",
    "money_differences": "2cbf02c7d8c0",
    "notices": "c7003596e29c",
    "notification_choices": "d2e9899e41d0",
    "notification_turns": "35606a7383c1",
    "oauth_apps": "f0f225afcaba",
    "oauth_charges": "87a4afae5809",
    "oauth_codes": "12ffe3b0dc9d",
    "oauth_grants": "7b4c3b06a001",
    "oauth_tokens": "8694fea714bb",
    "order_reversals": "27b06804a30f",
    "orders": "e60da2772799",
    "owner_mails": "ab7f97fcd745",
    "packs": "cd38d75a322a",
    "passkeys": "85174f8e46eb",
    "password_resets": "c9b5ebf3cdaf",
    "payment_breakdowns": "882986597435",
    "payment_fees": "8460c711f490",
    "period_reversals": "d0666443f38d",
    "plan_grants": "812e46d28a70",
    "plan_products": "caec6f40f42c",
    "plans": "2444e11546fe",
    "platform_fees": "f7e5b28a09a0",
    "platform_suppliers": "4362160b289a",
    "platform_versions": "6b94134b01bc",
    "platforms": "8f38d649a88d",
    "price_lists": "124b9056d332",
    "provider_customers": "8fbaf5cfaad4",
    "provider_events": "72223a4d2f81",
    "provider_links": "58cf22109088",
    "provider_objects": "4c6e7d27c609",
    "provider_strays": "1aa7925946b0",
    "recharge_charges": "e8b920c128d2",
    "recharges": "9f5dc1f03eef",
    "reconciliation_parts": "d7abdb775341",
    "record_heads": "5545868f9676",
    "record_marks": "dc6afb416ed4",
    "record_removals": "86db04ebdad8",
    "record_seeds": "2613feb1a69c",
    "record_tiles": "5241aa7c6298",
    "record_waiting": "482f1058d991",
    "redemption_batches": "7f4f22e36e3f",
    "redemption_codes": "b83d170b7470",
    "refunds": "5168d93b21aa",
    "replays": "ff77c06251a7",
    "request_log": "073cb6dc4361",
    "sandbox_cards": "a364715c6ee2",
    "sandbox_charges": "520bce630d24",
    "sandbox_checkouts": "617d23d87b6f",
    "sandbox_subscriptions": "410c0ced3e68",
    "schema_notes": "b3f15a24469d",
    "sealed_balances": "fc6dd581f406",
    "sealed_keys": "75b9ef65ed24",
    "sealed_sums": "21d1e0bbabcf",
    "second_factors": "eae4577a0505",
    "sessions": "a5b4ef2e202b",
    "signing_keys": "d8ecf8670cea",
    "spend_windows": "61fbca742009",
    "staging_storage": "45052a3be522",
    "stock_codes": "ea67961eb551",
    "stock_levels": "09e7fb22e693",
    "subscription_objects": "9fcbcb8e4f0b",
    "subscription_periods": "1de8d6d158b4",
    "subscription_steers": "10f5a19a486b",
    "subscriptions": "2d118ea0f041",
    "supplier_recipients": "dbbae04ff7dd",
    "supplier_words": "36c4a52c8631",
    "suppliers": "a8e8eae5b6f6",
    "topup_intents": "45b64721c00f",
    "topup_reversals": "3e37ede470dd",
    "topups": "9649eff07307",
    "transfers": "09e974252067",
    "uncredited_payments": "ff82396e049f",
    "uncredited_reversals": "d72a0ed7b622",
    "usage_days": "0a10cc896e10",
    "usage_prices": "1aee864c3976",
    "usage_records": "b95dc2b3237a",
    "volume_days": "c2dfd5b136b1",
    "volume_marks": "e522de068ac9",
    "voucher_redemptions": "b667039e4c42",
    "workers": "1351e98bc6e0",
}
_OF_0100: Final = _OF_0080
_OF_0101: Final = _OF_0100 | {"access_tokens": "2afedaef72d3"}
_OF_0102: Final = _OF_0101 | {"endpoints": "4be608a523a7"}
_OF_0103: Final = _OF_0102 | {"api_keys": "3b622b81cdfc", "request_log": "7e896b7f4364"}
_OF_0104: Final = _OF_0103 | {"portal_links": "578d048c9f4b"}
_OF_0105: Final = _OF_0104 | {"subscription_periods": "2cf0e5177207"}
TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "0080": _OF_0080,
    "0100": _OF_0100,
    "0101": _OF_0101,
    "0102": _OF_0102,
    "0103": _OF_0103,
    "0104": _OF_0104,
    "0105": _OF_0105,
}


def fingerprints(columns: Iterable[Row], indexes: Iterable[Row]) -> dict[str, str]:
    """Return a digest for each table name.

    A column is (table, name, type, is required, has a default). An index is (table, is unique, is partial,
    column names joined by commas).
    """
    lines: dict[str, list[str]] = {}
    for table, name, kind, is_required, has_default in columns:
        lower = kind.lower()
        line = f"{name} {_TYPES.get(lower, lower)} {bool(is_required):d}{bool(has_default):d}"
        lines.setdefault(table, []).append(line)
    for table, is_unique, is_partial, names in indexes:
        lines.setdefault(table, []).append(f"({names}) {bool(is_unique):d}{bool(is_partial):d}")
    return {table: _digest(found) for table, found in lines.items()}


def _digest(lines: list[Any]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]
