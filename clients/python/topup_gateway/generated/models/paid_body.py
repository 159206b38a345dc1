from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.paid_body_environment_type_0 import (
    PaidBodyEnvironmentType0,
    check_paid_body_environment_type_0,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.delivery_body import DeliveryBody
    from ..models.paid_body_metadata_type_0 import PaidBodyMetadataType0


T = TypeVar("T", bound="PaidBody")


@_attrs_define
class PaidBody:
    """What is topped up for whom. It is paid by the payment beside it, whose price is the amount and the
    platform's fee.

    """

    platform: str
    """ What is topped up; see GET /platforms. """
    amount_cents: int
    """ In US cents, within the platform's limits. """
    recipient_email: str
    """ Whose wallet. """
    environment: None | PaidBodyEnvironmentType0 | Unset = UNSET
    """ staging is for trying; left out: live where it is offered. """
    metadata: None | PaidBodyMetadataType0 | Unset = UNSET
    """ Pairs of yours; kept with it. """
    note: None | str | Unset = UNSET
    """ A note of the sender's own. """
    delivery: DeliveryBody | None | Unset = UNSET
    """ Mail, language and message for the recipient. """
    intent: None | str | Unset = UNSET
    """ Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and
    recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-
    up; another body is refused. """
    distinct: bool | Unset = UNSET
    """ Another send, though its payer paid for the same platform, amount and recipient within 600 seconds; without
    it such a request is refused before anything is charged. Default: false. """

    def to_dict(self) -> dict[str, Any]:
        from ..models.delivery_body import DeliveryBody  # noqa: PLC0415
        from ..models.paid_body_metadata_type_0 import PaidBodyMetadataType0  # noqa: PLC0415

        platform = self.platform

        amount_cents = self.amount_cents

        recipient_email = self.recipient_email

        environment: None | str | Unset
        if isinstance(self.environment, Unset):
            environment = UNSET
        elif isinstance(self.environment, str):
            environment = self.environment
        else:
            environment = self.environment

        metadata: dict[str, Any] | None | Unset
        if isinstance(self.metadata, Unset):
            metadata = UNSET
        elif isinstance(self.metadata, PaidBodyMetadataType0):
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

        intent: None | str | Unset
        if isinstance(self.intent, Unset):
            intent = UNSET
        else:
            intent = self.intent

        distinct = self.distinct

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "platform": platform,
                "amount_cents": amount_cents,
                "recipient_email": recipient_email,
            }
        )
        if environment is not UNSET:
            field_dict["environment"] = environment
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if note is not UNSET:
            field_dict["note"] = note
        if delivery is not UNSET:
            field_dict["delivery"] = delivery
        if intent is not UNSET:
            field_dict["intent"] = intent
        if distinct is not UNSET:
            field_dict["distinct"] = distinct

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.delivery_body import DeliveryBody  # noqa: PLC0415
        from ..models.paid_body_metadata_type_0 import PaidBodyMetadataType0  # noqa: PLC0415

        d = dict(src_dict)
        platform = d.pop("platform")

        amount_cents = d.pop("amount_cents")

        recipient_email = d.pop("recipient_email")

        def _parse_environment(data: object) -> None | PaidBodyEnvironmentType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                environment_type_0 = check_paid_body_environment_type_0(data)

                return environment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PaidBodyEnvironmentType0 | Unset, data)

        environment = _parse_environment(d.pop("environment", UNSET))

        def _parse_metadata(data: object) -> None | PaidBodyMetadataType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metadata_type_0 = PaidBodyMetadataType0.from_dict(data)

                return metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PaidBodyMetadataType0 | Unset, data)

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

        def _parse_intent(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        intent = _parse_intent(d.pop("intent", UNSET))

        distinct = d.pop("distinct", UNSET)

        paid_body = cls(
            platform=platform,
            amount_cents=amount_cents,
            recipient_email=recipient_email,
            environment=environment,
            metadata=metadata,
            note=note,
            delivery=delivery,
            intent=intent,
            distinct=distinct,
        )

        return paid_body
