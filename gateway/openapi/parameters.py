"""Describe the parameters of paths: each with its sentence and an example."""

from typing import Any, Final

from gateway.http.routing import PARAM_CHARACTERS_MAX

_VOUCHER: Final = "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB"
_PAGE: Final = "q5T0bWf7yXnB2cVd8eKjLw"
_TOLD: Final[dict[str, tuple[str, str]]] = {
    "account": ("The account's id or email address.", "acc_abc123"),
    "account_id": ("The account's id.", "acc_abc123"),
    "act": ("What to do.", "retry"),
    "app_id": ("The app's id.", "app_abc123"),
    "approval_id": ("The approval's id.", "apr_abc123"),
    "batch_id": ("The batch's id.", "bat_abc123"),
    "card_token": ("The checkout's token.", _PAGE),
    "checkout_token": ("The checkout's token.", _PAGE),
    "claim_token": ("The claim page's token.", _PAGE),
    "code": ("The voucher's code.", _VOUCHER),
    "code_id": ("The redemption code's id.", "rdm_abc123"),
    "coupon_code": ("The coupon's code.", "SUMMER"),
    "customer_ref": ("The provider's id of a deleted account's customer.", "cus_abc123"),
    "delivery_id": ("The delivery's id.", "dlv_abc123"),
    "difference_id": ("The difference's id.", "dif_abc123"),
    "document_id": ("The document's id.", "doc_abc123"),
    "endpoint_id": ("The webhook endpoint's id.", "we_abc123"),
    "entitlement_name": ("The entitlement's name, as the plan has it.", "exports"),
    "event_id": ("The event's id.", "evt_abc123"),
    "form_id": ("The order's id.", "ord_abc123"),
    "grant_id": ("The connected app's grant.", "grt_abc123"),
    "hold_id": ("The hold's id.", "hld_abc123"),
    "key_id": ("The key's id.", "key_abc123"),
    "link_id": ("The portal link's id.", "ptl_abc123"),
    "link_token": ("The portal link's token.", _PAGE),
    "member_id": ("The colleague's id.", "mbr_abc123"),
    "mail_id": ("The mail's id.", "mal_abc123"),
    "mail_token": ("The mail's token.", _PAGE),
    "method_ref": ("The saved means of payment, as GET …/recharge/methods names it.", "pm_abc123"),
    "order_id": ("The order's id.", "ord_abc123"),
    "pack_id": ("The pack's id.", "pack_pro"),
    "payment_id": ("The machine payment's id.", "mpy_abc123"),
    "period_id": ("The free period's id.", "per_abc123"),
    "plan_id": ("The plan's id.", "team"),
    "platform": ("The platform's name.", "claude"),
    "portal_token": ("The portal's token.", _PAGE),
    "receipt_token": ("The receipt page's token.", _PAGE),
    "refund_id": ("The refund's id.", "rfd_abc123"),
    "replay_id": ("The replay's id.", "rpl_abc123"),
    "session_id": ("The session's id.", "ses_abc123"),
    "status_token": ("The status page's token.", _PAGE),
    "subscription_id": ("The subscription's id.", "sub_abc123"),
    "supplier": ("The supplier's name.", "code_stock"),
    "token_id": ("The token's id.", "tok_abc123"),
    "transaction_id": ("The top-up's id.", "txn_abc123"),
}


def in_path(name: str) -> dict[str, Any]:
    assert name in _TOLD, f"say in gateway/openapi/parameters.py what {name} is"
    about, example = _TOLD[name]
    schema = {"type": "string", "minLength": 1, "maxLength": PARAM_CHARACTERS_MAX}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": about,
        "schema": schema,
        "example": example,
    }
