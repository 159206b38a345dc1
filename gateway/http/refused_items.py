"""Write the error of each item in a bulk request as if the item had been sent alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from billing.bulk.item import BatchItem
from billing.topups.platform import InvalidPlatform
from gateway.answers import response_codes as codes
from gateway.answers.links import RefusedFacts, with_links
from gateway.answers.refusals import Refusal
from gateway.answers.words import API_PREFIX
from gateway.http.body import has_control
from gateway.http.errors import refusal_as, refusal_of
from gateway.http.fields import is_unicode
from gateway.http.request_context import RequestContext
from kernel.errors import DomainError, InvalidInput
from kernel.limits import REFERENCE_CHARACTERS_MAX
from kernel.meant import address_meant
from kernel.problems import FieldEntry, most_similar


def entry_of(refusal: Refusal, body: Mapping[str, Any], *, is_compared: bool = True) -> FieldEntry:
    error = refusal.error
    param = str(error["param"])
    found: FieldEntry = {"param": param, "detail": refusal.detail, "code": refusal.code.code}
    bounds = {"minimum": error.get("min"), "maximum": error.get("max")}
    found |= {name: value for name, value in bounds.items() if value is not None}
    allowed, given = error.get("allowed"), body.get(param)
    if allowed:
        found["allowed"] = allowed
    if isinstance(given, str) and is_compared:
        is_mail = refusal.code.code == codes.INVALID_RECIPIENT
        meant = address_meant(given) if is_mail else most_similar(given, allowed or ())
        if meant is not None:
            found["did_you_mean"] = meant
    return found


_COMPARED_MAX: Final = 10
_ITEM_ERRORS_MAX: Final = 10


class RefusedItems:
    """Builds the errors of a request's items. `template` is the path of the call for a single item."""

    __slots__ = ("_address", "_call", "_compared", "_template")

    def __init__(self, call: RequestContext[Any, Any], template: str) -> None:
        self._call, self._template = call, template
        self._address = call.home
        self._compared = 0

    def of(self, error: DomainError, body: Mapping[str, Any]) -> Refusal:
        refusal = refusal_of(error, self._address)
        return self._linked(refusal, body, smaller_cents(self._call, refusal.error, body))

    def refusal_of(self, item: BatchItem, body: Mapping[str, Any] | None = None) -> Refusal | None:
        """Return why the item of a bulk send was refused, or None if it wasn't.

        Without `body`, suggest no smaller amount, because the limits may have changed since the refusal.
        """
        why = item.refusal
        if why is None:
            return None
        refusal = refusal_as(
            why.kind,
            why.detail,
            address=self._address,
            param=why.param,
            reason=why.reason,
            retry_after_s=why.retry_after_s,
            extra=why.extra,
        )
        if body is not None:
            return self._linked(refusal, body, smaller_cents(self._call, refusal.error, body))
        shown = {} if item.request is None else {"amount_cents": item.request.amount_cents}
        return self._linked(refusal, shown, None)

    def _linked(self, refusal: Refusal, body: Mapping[str, Any], smaller: int | None) -> Refusal:
        api = self._address + API_PREFIX
        caller = self._call.principal
        told = refusal.error
        if told["param"] is not None and "errors" not in told:
            self._compared += 1
            is_compared = self._compared <= _COMPARED_MAX
            told = {**told, "errors": [entry_of(refusal, body, is_compared=is_compared)]}
        error = with_links(
            RefusedFacts(
                home=self._address,
                url=api + self._template,
                api=api,
                code=refusal.code.code,
                method="POST",
                template=self._template,
                path=self._template,
                body=body,
                query={},
                error=told,
                transaction_id=refusal.transaction_id,
                environment=caller.environment,
                smaller_cents=smaller,
                key_id=caller.key_id,
                has_person=not caller.is_sandbox,
                # The request has a valid credential, so its errors don't suggest a sandbox account.
                is_open=False,
            )
        )
        return replace(refusal, error=error)


def smaller_cents(
    call: RequestContext[Any, Any], error: Mapping[str, Any], body: Mapping[str, Any]
) -> int | None:
    """Return a smaller amount that, with its fee, is within the limits, or None."""
    most, platform = error.get("max_now_cents"), body.get("platform")
    if not isinstance(most, int) or not isinstance(platform, str):
        return None
    caller = call.principal
    try:
        found = call.context.topup_rules.platforms.of(caller.environment).find(platform)
    except InvalidPlatform:
        return None
    # The fee never falls as the amount grows, so the smaller amount's fee is at most this fee.
    amount = most - found.fee_cents(caller.account_id, max(most, 0))
    return amount if amount >= found.min_amount_cents else None


class ItemProblem(msgspec.Struct, frozen=True, kw_only=True):
    detail: str
    param: str | None
    errors: Sequence[Mapping[str, Any]]

    def refusal(self) -> InvalidInput:
        return InvalidInput(
            self.detail, param=self.param, errors=[dict(one) for one in self.errors]
        )


def problem_of_item(error: DomainError) -> ItemProblem:
    errors = error.extra.get("errors", ())[:_ITEM_ERRORS_MAX]
    return ItemProblem(detail=error.detail, param=error.param, errors=errors)


def reference_in(part: bytes) -> str | None:
    """Return the reference of an invalid item, so that its error can name the item."""
    try:
        found = msgspec.json.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return shown_reference(found.get("reference")) if isinstance(found, dict) else None


def shown_reference(value: object) -> str | None:
    is_sane = isinstance(value, str) and is_unicode(value) and not has_control(value)
    return value[:REFERENCE_CHARACTERS_MAX] if isinstance(value, str) and is_sane else None
