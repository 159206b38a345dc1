"""Each table's digest (store/fingerprint.py) in each schema version that this code knows."""

from collections.abc import Mapping
from typing import Final

_OF_0012: Final = {
    "access_tokens": "67e938480a55",
    "account_environments": "1aa292f0181b",
    "accounts": "91bcc2ab3afc",
    "api_key_secrets": "e4f5febce2d0",
    "api_keys": "865c4d8a7d1b",
    "approvals": "18a0afa9eca0",
    "attempts": "8ba388411773",
    "audit_log": "9cfb702b12f5",
    "checkin_days": "d8ede89c4498",
    "checkin_settings": "f56a4c702aaf",
    "checkins": "51681bd334f7",
    "code_redemptions": "d742910e9625",
    "commit_tokens": "3e53807bf1cb",
    "coupon_uses": "1dc1af9b2c06",
    "coupons": "c10575d1df66",
    "deliveries": "1b79dce1ddd8",
    "endpoint_queue": "2cbe3c72b0f8",
    "endpoints": "a0b7c3f9dd72",
    "events": "3932e67eb4d5",
    "held_invoices": "e698923257a1",
    "holds": "a36af38c5638",
    "idempotency_keys": "abe1d28e2cbf",
    "ledger_accounts": "8512077ce52f",
    "notices": "10e384578432",
    "oauth_apps": "bcfc315d331a",
    "oauth_charges": "418e97d8d7b4",
    "oauth_codes": "0eda31950323",
    "oauth_grants": "7b4c3b06a001",
    "oauth_tokens": "8694fea714bb",
    "order_reversals": "27b06804a30f",
    "orders": "ee1007dc30fd",
    "packs": "cd38d75a322a",
    "period_reversals": "d0666443f38d",
    "plan_products": "caec6f40f42c",
    "plans": "bb964a78ee8b",
    "provider_customers": "8fbaf5cfaad4",
    "provider_events": "5863c1d46de9",
    "provider_links": "58cf22109088",
    "provider_objects": "4c6e7d27c609",
    "provider_strays": "1aa7925946b0",
    "redemption_batches": "7f4f22e36e3f",
    "redemption_codes": "b83d170b7470",
    "replays": "3cd3ce764b11",
    "sandbox_checkouts": "617d23d87b6f",
    "sandbox_subscriptions": "4093e80cc064",
    "schema_notes": "cd3fc1d0de8b",
    "sealed_keys": "75b9ef65ed24",
    "sessions": "2884e7dfb386",
    "spend_windows": "3e6d977a6cd6",
    "subscription_objects": "9fcbcb8e4f0b",
    "subscription_periods": "2e2fd1176752",
    "subscriptions": "9744d0afdbf7",
    "topups": "a958622b6226",
    "transfers": "09e974252067",
    "usage_records": "885ebed21f8e",
    "voucher_redemptions": "b667039e4c42",
}
_OF_0013: Final = _OF_0012 | {
    "deliveries": "5a5d0cf60599",
    "events": "05331a6a28e1",
    "ledger_proofs": "3cf7fb07aeb2",
    "topups": "8eff153f0967",
}
_OF_0014: Final = _OF_0013 | {"accepted_losses": "e9bb8098d7bb"}
_OF_0015: Final = _OF_0014 | {
    "fulfilment_attempts": "cd7d9f5fbaa6",
    "manual_tasks": "16abef0af4dc",
    "platform_suppliers": "4362160b289a",
    "platform_versions": "6b94134b01bc",
    "platforms": "8f38d649a88d",
    "stock_codes": "ea67961eb551",
    "stock_levels": "134cab789b61",
    "supplier_recipients": "dbbae04ff7dd",
    "suppliers": "f31801bb734b",
    "topups": "5b0d0aa26f16",
}
_OF_0016: Final = _OF_0015 | {
    "mail_refusals": "9adbbf4d77c6",
    "mails": "5ee630e54212",
    "topups": "30fae6fd7da4",
}
_OF_0017: Final = _OF_0016 | {
    "batch_items": "8a830c48c40e",
    "batches": "4bf46edcd982",
    "topups": "9a35e6c944a8",
}
_OF_0018: Final = _OF_0017 | {"suppliers": "5344272aeeba", "topups": "baa13243e49d"}
_OF_0019: Final = _OF_0018 | {"topup_reversals": "71c7eb0e30d0"}
_OF_0020: Final = _OF_0019 | {"platform_fees": "f7e5b28a09a0", "topups": "867a878388db"}
_OF_0021: Final = _OF_0020 | {
    "plans": "175582fe2395",
    "sandbox_subscriptions": "4509eb657d52",
    "subscription_steers": "c352ab5e0804",
    "subscriptions": "961fa69424bc",
}
_OF_0022: Final = _OF_0021 | {
    "money_differences": "2cbf02c7d8c0",
    "orders": "3d28a735daa8",
    "reconciliation_parts": "d7abdb775341",
}
_OF_0023: Final = _OF_0022 | {
    "account_environments": "5358c81e23dc",
    "orders": "4a67bb55f5a1",
    "recharge_charges": "728fddf0d26f",
    "recharges": "05ab4d72774e",
    "sandbox_cards": "a364715c6ee2",
    "sandbox_charges": "520bce630d24",
}
_OF_0024: Final = _OF_0023 | {
    "billing_details": "aae5b171bf53",
    "billing_documents": "928ed630543c",
    "document_series": "958dfeb16c9d",
    "orders": "1c1b1c7ac479",
    "payment_breakdowns": "882986597435",
    "payment_fees": "29eb427bb6cb",
    "subscription_periods": "aa6532e10461",
}
_OF_0025: Final = _OF_0024 | {
    "account_environments": "68039beac9a1",
    "credit_adjustments": "c5f59c0b3a85",
    "entitlement_counts": "7da5faef9612",
    "entitlement_uses": "3e44e45bd2c4",
    "expiry_notices": "b9fc110800d8",
    "plan_grants": "6a4c2902e4c2",
    "plans": "2444e11546fe",
    "subscriptions": "7ce9b4af13d8",
}
_OF_0026: Final = _OF_0025 | {"owner_mails": "1b5754cc43d3"}
_OF_0027: Final = _OF_0026 | {
    "holds": "749e684c3423",
    "oauth_charges": "87a4afae5809",
    "price_lists": "124b9056d332",
    "usage_days": "0a10cc896e10",
    "usage_prices": "1aee864c3976",
    "usage_records": "b95dc2b3237a",
}

_OF_0028: Final = _OF_0027 | {"disputes": "e4b76dc8ef34", "refunds": "40d8c5a1cb2f"}

_OF_0029: Final = _OF_0028 | {"accounts": "f666c7b4a25e", "owner_mails": "09e1edfb17bf"}

_OF_0030: Final = _OF_0029 | {
    "accounts": "3b712977a47d",
    "entitlement_uses": "0553648d6994",
    "forgotten_customers": "cb0537c59f94",
    "recharge_charges": "e8b920c128d2",
}

_OF_0031: Final = _OF_0030 | {
    "subscription_periods": "494a324361f5",
    "subscriptions": "0d86ed18de26",
}

_OF_0032: Final = _OF_0031 | {
    "provider_events": "72223a4d2f81",
    "subscription_periods": "1de8d6d158b4",
    "uncredited_payments": "ff82396e049f",
    "uncredited_reversals": "d72a0ed7b622",
}

_OF_0033: Final = _OF_0032 | {
    "account_environments": "ecef3ae6d567",
    "api_keys": "f1e29a9c4c5c",
    "holds": "9726703ac6af",
    "spend_windows": "61fbca742009",
    "topups": "c6f9f90d7d4f",
}

_OF_0034: Final = _OF_0033

_OF_0035: Final = _OF_0034 | {"orders": "f125c4dc473f"}

_OF_0036: Final = _OF_0035 | {"accounts": "993b9d76edb2", "owner_mails": "4aa6bf77eb08"}

_OF_0037: Final = _OF_0036 | {"refunds": "1bb50339a5cd"}

_OF_0038: Final = _OF_0037 | {"topup_intents": "45b64721c00f"}

_OF_0039: Final = _OF_0038 | {"topups": "ba96637777d3"}

_OF_0040: Final = _OF_0039 | {"machine_payments": "e99d45fac20c"}

_OF_0041: Final = _OF_0040 | {
    "checkpoints": "2c16f49720b6",
    "checkpoint_tiles": "5a536a7df0b0",
    "signing_keys": "d8ecf8670cea",
}
_OF_0042: Final = _OF_0041 | {"device_logins": "24bfdf793be8"}

_OF_0043: Final = _OF_0042 | {
    "api_keys": "c89daceb80fc",
    "authorization_clients": "72efe4db0100",
    "authorization_codes": "9031cb9b2e32",
    "authorization_grants": "639a280e51ac",
    "authorization_tokens": "fd46ce35e709",
}

_OF_0044: Final = _OF_0043 | {"endpoints": "f0db74ce9ed7"}

_OF_0045: Final = _OF_0044 | {
    "accounts": "b7ff527a9c87",
    "approvals": "53c4b510484b",
    "owner_mails": "4acfb1d883a5",
}
_OF_0046: Final = _OF_0045 | {"machine_payments": "f07ebce033ab"}

_OF_0047: Final = _OF_0046 | {"api_keys": "bc469bb96b55", "approvals": "30e50c1b67ac"}
_OF_0048: Final = _OF_0047 | {"sessions": "a5b4ef2e202b", "members": "6119d702b6a7"}
_OF_0049: Final = _OF_0048 | {"second_factors": "eae4577a0505"}
_OF_0050: Final = _OF_0049 | {"topups": "3d339cbcd164"}
_OF_0051: Final = _OF_0050 | {"request_log": "073cb6dc4361"}
_OF_0052: Final = _OF_0051 | {"replays": "ff77c06251a7"}
_OF_0053: Final = _OF_0052 | {"owner_mails": "3f0e5e576bfe"}
_OF_0054: Final = _OF_0053 | {
    "owner_mails": "a313cb965d18",
    "password_resets": "c9b5ebf3cdaf",
}
_OF_0055: Final = _OF_0054 | {
    "accounts": "36a16203d505",
    "account_environments": "4750d931b5e0",
}
_OF_0056: Final = _OF_0055 | {"audit_log": "2f2f6d9d47fb"}
_OF_0057: Final = _OF_0056 | {"passkeys": "85174f8e46eb"}
_OF_0058: Final = _OF_0057 | {"email_verifications": "c9b5ebf3cdaf"}
_OF_0059: Final = _OF_0058 | {
    "events": "66d4e628f473",
    "notices": "701d753957a3",
    "notification_choices": "d2e9899e41d0",
    "notification_turns": "1b075149d6b0",
    "owner_mails": "ab7f97fcd745",
}
_OF_0060: Final = _OF_0059 | {"topups": "911fc02199eb"}
_OF_0061: Final = _OF_0060 | {"endpoints": "43cc1cb2459b"}
_OF_0062: Final = _OF_0061 | {
    "volume_days": "c2dfd5b136b1",
    "volume_marks": "e522de068ac9",
    "workers": "1351e98bc6e0",
}
_OF_0063: Final = _OF_0062 | {"endpoints": "7c29986b88dd"}
_OF_0064: Final = _OF_0063 | {
    "checkpoint_proofs": "824c2302e56a",
    "ledger_proofs": "9d23774a9186",
    "sealed_balances": "fc6dd581f406",
    "sealed_sums": "21d1e0bbabcf",
}

_OF_0066: Final = _OF_0064 | {
    "deliveries": "5a69010a9547",
    "endpoint_queue": "e2fe80965de7",
    "endpoints": "627f50baaf38",
}
_OF_0067: Final = _OF_0066 | {"accounts": "8d5e69886615"}
_OF_0069: Final = _OF_0067 | {
    "accounts": "4350690bedf0",
    "authorization_codes": "54a857951beb",
    "oauth_codes": "12ffe3b0dc9d",
}
_OF_0070: Final = _OF_0069 | {"accounts": "3854f33e063f", "staging_storage": "45052a3be522"}
_OF_0071: Final = _OF_0070 | {
    "sandbox_subscriptions": "410c0ced3e68",
    "subscription_steers": "0ec395e8d9b1",
    "subscriptions": "af9a8320050c",
}
_OF_0072: Final = _OF_0071 | {
    "api_keys": "210212c045b9",
    "approvals": "b7d3e5907333",
    "batches": "e17e194426d4",
    "endpoints": "844c5352d723",
    "topups": "9649eff07307",
}
_OF_0073: Final = _OF_0072 | {
    "handed_over": "67c0570508da",
    "handed_over_fill": "5cb24adffd0f",
    "supplier_words": "abdde6fb18d0",
}
_OF_0074: Final = _OF_0073 | {
    "record_heads": "5545868f9676",
    "record_marks": "dc6afb416ed4",
    "record_removals": "86db04ebdad8",
    "record_seeds": "2613feb1a69c",
    "record_tiles": "5241aa7c6298",
    "record_waiting": "482f1058d991",
}
_OF_0075: Final = _OF_0074 | {"plan_grants": "515919f9d58f"}
_OF_0076: Final = _OF_0075 | {"orders": "cd37b3c25fc0"}

_OF_0077: Final = _OF_0076 | {
    "approvals": "74e919159593",
    "batches": "aa2faba0dfb7",
    "deliveries": "1331ea54192f",
    "disputes": "af5c416cb4cc",
    "fulfilment_attempts": "c612e352b9fd",
    "holds": "6da20eeb7df1",
    "machine_payments": "f5314a2acf67",
    "notices": "c7003596e29c",
    "notification_turns": "35606a7383c1",
    "orders": "e60da2772799",
    "payment_fees": "8460c711f490",
    "plan_grants": "812e46d28a70",
    "recharges": "9f5dc1f03eef",
    "refunds": "5168d93b21aa",
    "stock_levels": "09e7fb22e693",
    "subscription_steers": "10f5a19a486b",
    "subscriptions": "2d118ea0f041",
    "supplier_words": "36c4a52c8631",
    "suppliers": "a8e8eae5b6f6",
    "topup_reversals": "3e37ede470dd",
}

_OF_0078: Final = _OF_0077 | {"machine_payments": "07870a857182"}

_OF_0079: Final = _OF_0078 | {"backups": "ce71b220dee2", "schema_notes": "b3f15a24469d"}

_OF_0080: Final = _OF_0079 | {"oauth_apps": "f0f225afcaba"}

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "0012": _OF_0012,
    "0013": _OF_0013,
    "0014": _OF_0014,
    "0015": _OF_0015,
    "0016": _OF_0016,
    "0017": _OF_0017,
    "0018": _OF_0018,
    "0019": _OF_0019,
    "0020": _OF_0020,
    "0021": _OF_0021,
    "0022": _OF_0022,
    "0023": _OF_0023,
    "0024": _OF_0024,
    "0025": _OF_0025,
    "0026": _OF_0026,
    "0027": _OF_0027,
    "0028": _OF_0028,
    "0029": _OF_0029,
    "0030": _OF_0030,
    "0031": _OF_0031,
    "0032": _OF_0032,
    "0033": _OF_0033,
    "0034": _OF_0034,
    "0035": _OF_0035,
    "0036": _OF_0036,
    "0037": _OF_0037,
    "0038": _OF_0038,
    "0039": _OF_0039,
    "0040": _OF_0040,
    "0041": _OF_0041,
    "0042": _OF_0042,
    "0043": _OF_0043,
    "0044": _OF_0044,
    "0045": _OF_0045,
    "0046": _OF_0046,
    "0047": _OF_0047,
    "0048": _OF_0048,
    "0049": _OF_0049,
    "0050": _OF_0050,
    "0051": _OF_0051,
    "0052": _OF_0052,
    "0053": _OF_0053,
    "0054": _OF_0054,
    "0055": _OF_0055,
    "0056": _OF_0056,
    "0057": _OF_0057,
    "0058": _OF_0058,
    "0059": _OF_0059,
    "0060": _OF_0060,
    "0061": _OF_0061,
    "0062": _OF_0062,
    "0063": _OF_0063,
    "0064": _OF_0064,
    "0065": _OF_0064 | {"endpoints": "779b503e1a13"},
    "0066": _OF_0066,
    "0067": _OF_0067,
    "0068": _OF_0067,
    "0069": _OF_0069,
    "0070": _OF_0070,
    "0071": _OF_0071,
    "0072": _OF_0072,
    "0073": _OF_0073,
    "0074": _OF_0074,
    "0075": _OF_0075,
    "0076": _OF_0076,
    "0077": _OF_0077,
    "0078": _OF_0078,
    "0079": _OF_0079,
    "0080": _OF_0080,
}
