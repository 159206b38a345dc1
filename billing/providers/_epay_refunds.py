"""Epay's refunds, `api.php?act=refund`: whole or in part. No call returns a refund's outcome.

Gateways word success in several ways. A contradictory or unknown response says nothing, and an operator
checks the gateway's own pages. Many gateways must first agree that they may refund for this merchant.
Source: the protocol's common client libraries.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from billing.providers.abilities.refunding import RefundRequest, RefundWord
from billing.providers.http import unavailable
from billing.providers.protocol import ProviderRefused, Refunded, Subject

# The form's fields without the merchant's own; the response's body.
Post = Callable[[Mapping[str, str]], Awaitable[bytes]]
_NAME = "epay"
_YES = frozenset({"1", "true", "success", "ok"})
_NO = frozenset({"false", "fail", "error"})
# The first generation's refusals, such as -1. 0 means yes in the second one and no in some of the first; an
# unknown word may be either.
_REFUSAL = re.compile(r"-[1-9]\d*")


class EpayRefunds:
    takes_part = True
    is_named = False
    is_repeatable = False
    tells_parts = False

    def __init__(self, post: Post) -> None:
        self._post = post

    async def refund(self, request: RefundRequest) -> RefundWord:
        fields = {"trade_no": request.payment_ref, "money": request.price.decimal()}
        if not request.is_beside:
            # For an order that was paid twice it names both payments.
            fields["out_trade_no"] = request.order_id
        body = await self._post(fields)
        if _says_yes(body):
            subject = Subject(request.order_id, (request.payment_ref, request.id))
            fact = Refunded(subject, request.id, request.price)
            return RefundWord("succeeded", None, fact)
        raise ProviderRefused("epay refused the refund")

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:  # noqa: ARG002
        raise unavailable(
            _NAME, "it cannot be asked about refunds: look at the gateway's own pages"
        )


def _says_yes(body: bytes) -> bool:
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise unavailable(_NAME, "an unreadable answer") from None
    said = {_word(found[name]) for name in ("code", "success", "status") if name in found}
    is_yes = bool(said & _YES)
    is_no = any(one in _NO or _REFUSAL.fullmatch(one) is not None for one in said)
    if is_yes == is_no or (is_yes and "0" in said):
        raise unavailable(_NAME, "no clear word about the refund")
    return is_yes


def _word(value: Any) -> str:
    return str(value).strip().lower()
