from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.bulk_item_recipient_type_0 import (
    BulkItemRecipientType0,
    check_bulk_item_recipient_type_0,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.bulk_item_metadata_type_0 import BulkItemMetadataType0
    from ..models.delivery_body import DeliveryBody


T = TypeVar("T", bound="BulkItem")


@_attrs_define
class BulkItem:
    """One send of a bulk send: as the body of a send, with a reference of its own, by which a repeated
    item is known. An item whose intent names a top-up already is refused, and names that one.

    """

    platform: str
    """ What is topped up; see GET /platforms. """
    amount_cents: int
    """ In US cents, within the platform's limits. """
    reference: str
    """ Your own name for it, once per environment. """
    recipient_email: None | str | Unset = UNSET
    """ Whose wallet. Required unless recipient is given. """
    recipient: BulkItemRecipientType0 | None | Unset = UNSET
    """ In place of recipient_email: your account's own address. """
    metadata: BulkItemMetadataType0 | None | Unset = UNSET
    """ Pairs of yours; events carry them. """
    note: None | str | Unset = UNSET
    """ A note of the sender's own. """
    delivery: DeliveryBody | None | Unset = UNSET
    """ Mail, language and message for the recipient. """
    send_at: datetime.datetime | None | Unset = UNSET
    """ When to send it, at most 90 days ahead; left out: at once. """
    distinct: bool | Unset = UNSET
    """ Another send, though it looks like one of a moment ago; see the key's repeat_guard_s. Default: false. """
    quote_id: None | str | Unset = UNSET
    """ From POST /topup/validate of the same send, at most ten minutes ago: charged is exactly what it said, or the
    send is refused. """
    intent: None | str | Unset = UNSET
    """ Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and
    recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-
    up; another body is refused. """

    def to_dict(self) -> dict[str, Any]:
        from ..models.bulk_item_metadata_type_0 import BulkItemMetadataType0  # noqa: PLC0415
        from ..models.delivery_body import DeliveryBody  # noqa: PLC0415

        platform = self.platform

        amount_cents = self.amount_cents

        reference = self.reference

        recipient_email: None | str | Unset
        if isinstance(self.recipient_email, Unset):
            recipient_email = UNSET
        else:
            recipient_email = self.recipient_email

        recipient: None | str | Unset
        if isinstance(self.recipient, Unset):
            recipient = UNSET
        elif isinstance(self.recipient, str):
            recipient = self.recipient
        else:
            recipient = self.recipient

        metadata: dict[str, Any] | None | Unset
        if isinstance(self.metadata, Unset):
            metadata = UNSET
        elif isinstance(self.metadata, BulkItemMetadataType0):
            metadata = self.metadata.to_dict()
        else:
            metadata = self.metadata

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note

        delivery: dict[str, Any] | None | Unset
        if isinstance(self.delivery, Unset):
            delivery = UNSET
        elif isinstance(self.delivery, DeliveryBody):
            delivery = self.delivery.to_dict()
        else:
            delivery = self.delivery

        send_at: None | str | Unset
        if isinstance(self.send_at, Unset):
            send_at = UNSET
        elif isinstance(self.send_at, datetime.datetime):
            send_at = self.send_at.isoformat()
        else:
            send_at = self.send_at

        distinct = self.distinct

        quote_id: None | str | Unset
        if isinstance(self.quote_id, Unset):
            quote_id = UNSET
        else:
            quote_id = self.quote_id

        intent: None | str | Unset
        if isinstance(self.intent, Unset):
            intent = UNSET
        else:
            intent = self.intent

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "platform": platform,
                "amount_cents": amount_cents,
                "reference": reference,
            }
        )
        if recipient_email is not UNSET:
            field_dict["recipient_email"] = recipient_email
        if recipient is not UNSET:
            field_dict["recipient"] = recipient
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if note is not UNSET:
            field_dict["note"] = note
        if delivery is not UNSET:
            field_dict["delivery"] = delivery
        if send_at is not UNSET:
            field_dict["send_at"] = send_at
        if distinct is not UNSET:
            field_dict["distinct"] = distinct
        if quote_id is not UNSET:
            field_dict["quote_id"] = quote_id
        if intent is not UNSET:
            field_dict["intent"] = intent

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.bulk_item_metadata_type_0 import BulkItemMetadataType0  # noqa: PLC0415
        from ..models.delivery_body import DeliveryBody  # noqa: PLC0415

        d = dict(src_dict)
        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        reference = d.pop("reference")

        def _parse_recipient_email(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        recipient_email = _parse_recipient_email(d.pop("recipient_email", UNSET))

        def _parse_recipient(data: object) -> BulkItemRecipientType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                recipient_type_0 = check_bulk_item_recipient_type_0(data)

                return recipient_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BulkItemRecipientType0 | None | Unset, data)

        recipient = _parse_recipient(d.pop("recipient", UNSET))

        def _parse_metadata(data: object) -> BulkItemMetadataType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metadata_type_0 = BulkItemMetadataType0.from_dict(data)

                return metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BulkItemMetadataType0 | None | Unset, data)

        metadata = _parse_metadata(d.pop("metadata", UNSET))

        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))

        def _parse_delivery(data: object) -> DeliveryBody | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                delivery_type_0 = DeliveryBody.from_dict(data)

                return delivery_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DeliveryBody | None | Unset, data)

        delivery = _parse_delivery(d.pop("delivery", UNSET))

        def _parse_send_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                send_at_type_0 = datetime.datetime.fromisoformat(data)

                return send_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        send_at = _parse_send_at(d.pop("send_at", UNSET))

        distinct = d.pop("distinct", UNSET)

        def _parse_quote_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        quote_id = _parse_quote_id(d.pop("quote_id", UNSET))

        def _parse_intent(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        intent = _parse_intent(d.pop("intent", UNSET))

        bulk_item = cls(
            platform=platform,
            amount_cents=amount_cents,
            reference=reference,
            recipient_email=recipient_email,
            recipient=recipient,
            metadata=metadata,
            note=note,
            delivery=delivery,
            send_at=send_at,
            distinct=distinct,
            quote_id=quote_id,
            intent=intent,
        )

        return bulk_item
