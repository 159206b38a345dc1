from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.reversed_top_up_next_action import (
    ReversedTopUpNextAction,
    check_reversed_top_up_next_action,
)
from ..models.top_up_status import TopUpStatus, check_top_up_status
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.deliverable import Deliverable
    from ..models.link import Link
    from ..models.reversal import Reversal
    from ..models.reversed_top_up_metadata import ReversedTopUpMetadata
    from ..models.shown_delivery import ShownDelivery


T = TypeVar("T", bound="ReversedTopUp")


@_attrs_define
class ReversedTopUp:
    """A top-up that is reversed, or reversing until its supplier has answered."""

    transaction_id: str
    """ The top-up's id. """
    status: TopUpStatus
    """ Where a top-up is. """
    platform: str
    """ The platform, as GET /platforms names it. """
    amount_cents: int
    """ In US cents. """
    fee_cents: int
    """ Charged beside the amount, in US cents. """
    charged_cents: int
    """ What the sender paid, amount and fee, in US cents. """
    recipient_email: str
    """ The recipient's address. """
    voucher_code: None | str
    """ What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its
    place. Null unless you may see it. """
    voucher_code_hint: None | str
    """ The code's last four characters. """
    deliverable: Deliverable | None
    """ What the recipient is given; null: nothing yet. """
    new_balance_cents: int | None
    """ In US cents. """
    reference: None | str
    """ The sender's own name for it, once per environment. """
    metadata: ReversedTopUpMetadata
    """ Pairs of the sender's own. """
    note: None | str
    """ A note of the sender's own. """
    failure_reason: None | str
    """ Why it failed or was called off; null: it did not. """
    delivery: None | ShownDelivery
    """ How it reaches its recipient; null: nothing was said. """
    claim_url: None | str
    """ The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept
    for a repeated call. """
    claimed_at: datetime.datetime | None
    """ When the recipient opened it first. """
    emailed_at: datetime.datetime | None
    """ When a mail server took the first mail about it. """
    key_id: None | str
    """ That sent it; null: no key. """
    key_name: None | str
    """ What that key was called then. """
    scheduled_for: datetime.datetime | None
    """ When it is to be sent, by the account's own clock. """
    created_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    settled_at: datetime.datetime | None
    """ RFC 3339, UTC, whole seconds. """
    wallet_balance_cents: int
    """ The sender's own wallet afterwards, in US cents. """
    reversal: Reversal
    """ That somebody wanted a delivered top-up back. outcome is null until its supplier has answered. """
    links: list[Link] | Unset = UNSET
    """ While it waits: the calls that come next, the most useful first. """
    next_action: ReversedTopUpNextAction | Unset = UNSET
    """ While it waits: ask links[] of rel poll again until the state is another. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.shown_delivery import ShownDelivery  # noqa: PLC0415

        transaction_id = self.transaction_id

        status: str = self.status

        platform = self.platform

        amount_cents = self.amount_cents

        fee_cents = self.fee_cents

        charged_cents = self.charged_cents

        recipient_email = self.recipient_email

        voucher_code: None | str
        voucher_code = self.voucher_code

        voucher_code_hint: None | str
        voucher_code_hint = self.voucher_code_hint

        deliverable: dict[str, Any] | None
        if isinstance(self.deliverable, Deliverable):
            deliverable = self.deliverable.to_dict()
        else:
            deliverable = self.deliverable

        new_balance_cents: int | None
        new_balance_cents = self.new_balance_cents

        reference: None | str
        reference = self.reference

        metadata = self.metadata.to_dict()

        note: None | str
        note = self.note

        failure_reason: None | str
        failure_reason = self.failure_reason

        delivery: dict[str, Any] | None
        if isinstance(self.delivery, ShownDelivery):
            delivery = self.delivery.to_dict()
        else:
            delivery = self.delivery

        claim_url: None | str
        claim_url = self.claim_url

        claimed_at: None | str
        if isinstance(self.claimed_at, datetime.datetime):
            claimed_at = self.claimed_at.isoformat()
        else:
            claimed_at = self.claimed_at

        emailed_at: None | str
        if isinstance(self.emailed_at, datetime.datetime):
            emailed_at = self.emailed_at.isoformat()
        else:
            emailed_at = self.emailed_at

        key_id: None | str
        key_id = self.key_id

        key_name: None | str
        key_name = self.key_name

        scheduled_for: None | str
        if isinstance(self.scheduled_for, datetime.datetime):
            scheduled_for = self.scheduled_for.isoformat()
        else:
            scheduled_for = self.scheduled_for

        created_at = self.created_at.isoformat()

        settled_at: None | str
        if isinstance(self.settled_at, datetime.datetime):
            settled_at = self.settled_at.isoformat()
        else:
            settled_at = self.settled_at

        wallet_balance_cents = self.wallet_balance_cents

        reversal = self.reversal.to_dict()

        links: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.links, Unset):
            links = []
            for links_item_data in self.links:
                links_item = links_item_data.to_dict()
                links.append(links_item)

        next_action: str | Unset = UNSET
        if not isinstance(self.next_action, Unset):
            next_action = self.next_action

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "transaction_id": transaction_id,
                "status": status,
                "platform": platform,
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "charged_cents": charged_cents,
                "recipient_email": recipient_email,
                "voucher_code": voucher_code,
                "voucher_code_hint": voucher_code_hint,
                "deliverable": deliverable,
                "new_balance_cents": new_balance_cents,
                "reference": reference,
                "metadata": metadata,
                "note": note,
                "failure_reason": failure_reason,
                "delivery": delivery,
                "claim_url": claim_url,
                "claimed_at": claimed_at,
                "emailed_at": emailed_at,
                "key_id": key_id,
                "key_name": key_name,
                "scheduled_for": scheduled_for,
                "created_at": created_at,
                "settled_at": settled_at,
                "wallet_balance_cents": wallet_balance_cents,
                "reversal": reversal,
            }
        )
        if links is not UNSET:
            field_dict["links"] = links
        if next_action is not UNSET:
            field_dict["next_action"] = next_action

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deliverable import Deliverable  # noqa: PLC0415
        from ..models.link import Link  # noqa: PLC0415
        from ..models.reversal import Reversal  # noqa: PLC0415
        from ..models.reversed_top_up_metadata import ReversedTopUpMetadata  # noqa: PLC0415
        from ..models.shown_delivery import ShownDelivery  # noqa: PLC0415

        d = dict(src_dict)
        transaction_id = d.pop("transaction_id")

        status = check_top_up_status(d.pop("status"))

        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        fee_cents = d.pop("fee_cents")

        charged_cents = d.pop("charged_cents")

        recipient_email = d.pop("recipient_email")

        def _parse_voucher_code(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        voucher_code = _parse_voucher_code(d.pop("voucher_code"))

        def _parse_voucher_code_hint(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        voucher_code_hint = _parse_voucher_code_hint(d.pop("voucher_code_hint"))

        def _parse_deliverable(data: object) -> Deliverable | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                deliverable_type_0 = Deliverable.from_dict(data)

                return deliverable_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Deliverable | None, data)

        deliverable = _parse_deliverable(d.pop("deliverable"))

        def _parse_new_balance_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        new_balance_cents = _parse_new_balance_cents(d.pop("new_balance_cents"))

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        metadata = ReversedTopUpMetadata.from_dict(d.pop("metadata"))

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        def _parse_failure_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        failure_reason = _parse_failure_reason(d.pop("failure_reason"))

        def _parse_delivery(data: object) -> None | ShownDelivery:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                delivery_type_0 = ShownDelivery.from_dict(data)

                return delivery_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ShownDelivery, data)

        delivery = _parse_delivery(d.pop("delivery"))

        def _parse_claim_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        claim_url = _parse_claim_url(d.pop("claim_url"))

        def _parse_claimed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                claimed_at_type_0 = datetime.datetime.fromisoformat(data)

                return claimed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        claimed_at = _parse_claimed_at(d.pop("claimed_at"))

        def _parse_emailed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                emailed_at_type_0 = datetime.datetime.fromisoformat(data)

                return emailed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        emailed_at = _parse_emailed_at(d.pop("emailed_at"))

        def _parse_key_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_id = _parse_key_id(d.pop("key_id"))

        def _parse_key_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key_name = _parse_key_name(d.pop("key_name"))

        def _parse_scheduled_for(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                scheduled_for_type_0 = datetime.datetime.fromisoformat(data)

                return scheduled_for_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        scheduled_for = _parse_scheduled_for(d.pop("scheduled_for"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_settled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                settled_at_type_0 = datetime.datetime.fromisoformat(data)

                return settled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        settled_at = _parse_settled_at(d.pop("settled_at"))

        wallet_balance_cents = d.pop("wallet_balance_cents")

        reversal = Reversal.from_dict(d.pop("reversal"))

        _links = d.pop("links", UNSET)
        links: list[Link] | Unset = UNSET
        if _links is not UNSET:
            links = []
            for links_item_data in _links:
                links_item = Link.from_dict(links_item_data)

                links.append(links_item)

        _next_action = d.pop("next_action", UNSET)
        next_action: ReversedTopUpNextAction | Unset
        if isinstance(_next_action, Unset):
            next_action = UNSET
        else:
            next_action = check_reversed_top_up_next_action(_next_action)

        reversed_top_up = cls(
            transaction_id=transaction_id,
            status=status,
            platform=platform,
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            charged_cents=charged_cents,
            recipient_email=recipient_email,
            voucher_code=voucher_code,
            voucher_code_hint=voucher_code_hint,
            deliverable=deliverable,
            new_balance_cents=new_balance_cents,
            reference=reference,
            metadata=metadata,
            note=note,
            failure_reason=failure_reason,
            delivery=delivery,
            claim_url=claim_url,
            claimed_at=claimed_at,
            emailed_at=emailed_at,
            key_id=key_id,
            key_name=key_name,
            scheduled_for=scheduled_for,
            created_at=created_at,
            settled_at=settled_at,
            wallet_balance_cents=wallet_balance_cents,
            reversal=reversal,
            links=links,
            next_action=next_action,
        )

        reversed_top_up.additional_properties = d
        return reversed_top_up

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
