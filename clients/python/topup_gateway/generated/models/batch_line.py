from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.batch_line_status import BatchLineStatus, check_batch_line_status

if TYPE_CHECKING:
    from ..models.failure import Failure


T = TypeVar("T", bound="BatchLine")


@_attrs_define
class BatchLine:
    """An item. status: of its top-up; or waiting, refused, dropped. code and error: why it was refused."""

    index: int
    """ Which item, counted from 0. """
    reference: None | str
    """ Its own; null where it cannot be read. """
    status: BatchLineStatus
    """ Of its top-up; or waiting, refused, dropped. """
    transaction_id: None | str
    """ Its top-up; null: it was not accepted. """
    platform: None | str
    """ The platform, as GET /platforms names it. """
    amount_cents: int | None
    """ In US cents. """
    fee_cents: int | None
    """ Charged beside the amount. """
    recipient_email: None | str
    """ The recipient's address. """
    scheduled_for: datetime.datetime | None
    """ When it is to be sent, by the account's own clock. """
    code: int | None
    """ Why it was refused, as a number; null: it was not. """
    error: Failure | None
    """ Why it was refused; null: it was not. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.failure import Failure  # noqa: PLC0415

        index = self.index

        reference: None | str
        reference = self.reference

        status: str = self.status

        transaction_id: None | str
        transaction_id = self.transaction_id

        platform: None | str
        platform = self.platform

        amount_cents: int | None
        amount_cents = self.amount_cents

        fee_cents: int | None
        fee_cents = self.fee_cents

        recipient_email: None | str
        recipient_email = self.recipient_email

        scheduled_for: None | str
        if isinstance(self.scheduled_for, datetime.datetime):
            scheduled_for = self.scheduled_for.isoformat()
        else:
            scheduled_for = self.scheduled_for

        code: int | None
        code = self.code

        error: dict[str, Any] | None
        if isinstance(self.error, Failure):
            error = self.error.to_dict()
        else:
            error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "index": index,
                "reference": reference,
                "status": status,
                "transaction_id": transaction_id,
                "platform": platform,
                "amount_cents": amount_cents,
                "fee_cents": fee_cents,
                "recipient_email": recipient_email,
                "scheduled_for": scheduled_for,
                "code": code,
                "error": error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        index = d.pop("index")

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        status = check_batch_line_status(d.pop("status"))

        def _parse_transaction_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        transaction_id = _parse_transaction_id(d.pop("transaction_id"))

        def _parse_platform(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        platform = _parse_platform(d.pop("platform"))

        def _parse_amount_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        amount_cents = _parse_amount_cents(d.pop("amount_cents"))

        def _parse_fee_cents(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        fee_cents = _parse_fee_cents(d.pop("fee_cents"))

        def _parse_recipient_email(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        recipient_email = _parse_recipient_email(d.pop("recipient_email"))

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

        def _parse_code(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        code = _parse_code(d.pop("code"))

        def _parse_error(data: object) -> Failure | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                error_type_0 = Failure.from_dict(data)

                return error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Failure | None, data)

        error = _parse_error(d.pop("error"))

        batch_line = cls(
            index=index,
            reference=reference,
            status=status,
            transaction_id=transaction_id,
            platform=platform,
            amount_cents=amount_cents,
            fee_cents=fee_cents,
            recipient_email=recipient_email,
            scheduled_for=scheduled_for,
            code=code,
            error=error,
        )

        batch_line.additional_properties = d
        return batch_line

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
