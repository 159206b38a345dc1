from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.send_body_recipient_type_0 import (
    SendBodyRecipientType0,
    check_send_body_recipient_type_0,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.delivery_body import DeliveryBody
    from ..models.send_body_metadata_type_0 import SendBodyMetadataType0


T = TypeVar("T", bound="SendBody")


@_attrs_define
class SendBody:
    """What is sent to whom, and at which quoted price, if one was asked for: recipient_email names a
    person, "recipient": "self" means the account's own address. Exactly one of the two.

    """

    platform: str
    """ What is topped up; see GET /platforms. """
    amount_cents: int
    """ In US cents, within the platform's limits. """
    recipient_email: None | str | Unset = UNSET
    """ Whose wallet. Required unless recipient is given. """
    recipient: None | SendBodyRecipientType0 | Unset = UNSET
    """ In place of recipient_email: your account's own address. """
    reference: None | str | Unset = UNSET
    """ Your own name for it, once per environment. """
    metadata: None | SendBodyMetadataType0 | Unset = UNSET
    """ Pairs of yours; events carry them. """
    note: None | str | Unset = UNSET
    """ A note of the sender's own. """
    delivery: DeliveryBody | None | Unset = UNSET
    """ Mail, language and message for the recipient. """
    send_at: datetime.datetime | None | Unset = UNSET
    """ When to send it, at most 90 days ahead; left out: at once. """
    distinct: bool | Unset = UNSET
    """ Another send, though it looks like one of a moment ago; see the key's repeat_guard_s. Default: false. """
    intent: None | str | Unset = UNSET
    """ Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and
    recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-
    up; another body is refused. """
    quote_id: None | str | Unset = UNSET
    """ From POST /topup/validate of the same send, at most ten minutes ago: charged is exactly what it said, or the
    send is refused. """

    def to_dict(self) -> dict[str, Any]:
        from ..models.delivery_body import DeliveryBody  # noqa: PLC0415
        from ..models.send_body_metadata_type_0 import SendBodyMetadataType0  # noqa: PLC0415

        platform = self.platform

        amount_cents = self.amount_cents

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

        reference: None | str | Unset
        if isinstance(self.reference, Unset):
            reference = UNSET
        else:
            reference = self.reference

        metadata: dict[str, Any] | None | Unset
        if isinstance(self.metadata, Unset):
            metadata = UNSET
        elif isinstance(self.metadata, SendBodyMetadataType0):
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

        intent: None | str | Unset
        if isinstance(self.intent, Unset):
            intent = UNSET
        else:
            intent = self.intent

        quote_id: None | str | Unset
        if isinstance(self.quote_id, Unset):
            quote_id = UNSET
        else:
            quote_id = self.quote_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "platform": platform,
                "amount_cents": amount_cents,
            }
        )
        if recipient_email is not UNSET:
            field_dict["recipient_email"] = recipient_email
        if recipient is not UNSET:
            field_dict["recipient"] = recipient
        if reference is not UNSET:
            field_dict["reference"] = reference
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
        if intent is not UNSET:
            field_dict["intent"] = intent
        if quote_id is not UNSET:
            field_dict["quote_id"] = quote_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.delivery_body import DeliveryBody  # noqa: PLC0415
        from ..models.send_body_metadata_type_0 import SendBodyMetadataType0  # noqa: PLC0415

        d = dict(src_dict)
        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        def _parse_recipient_email(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        recipient_email = _parse_recipient_email(d.pop("recipient_email", UNSET))

        def _parse_recipient(data: object) -> None | SendBodyRecipientType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                recipient_type_0 = check_send_body_recipient_type_0(data)

                return recipient_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SendBodyRecipientType0 | Unset, data)

        recipient = _parse_recipient(d.pop("recipient", UNSET))

        def _parse_reference(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reference = _parse_reference(d.pop("reference", UNSET))

        def _parse_metadata(data: object) -> None | SendBodyMetadataType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metadata_type_0 = SendBodyMetadataType0.from_dict(data)

                return metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SendBodyMetadataType0 | Unset, data)

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

        def _parse_intent(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        intent = _parse_intent(d.pop("intent", UNSET))

        def _parse_quote_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        quote_id = _parse_quote_id(d.pop("quote_id", UNSET))

        send_body = cls(
            platform=platform,
            amount_cents=amount_cents,
            recipient_email=recipient_email,
            recipient=recipient,
            reference=reference,
            metadata=metadata,
            note=note,
            delivery=delivery,
            send_at=send_at,
            distinct=distinct,
            intent=intent,
            quote_id=quote_id,
        )

        return send_body
