from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.balance_answer_status import BalanceAnswerStatus, check_balance_answer_status

if TYPE_CHECKING:
    from ..models.balance import Balance


T = TypeVar("T", bound="BalanceAnswer")


@_attrs_define
class BalanceAnswer:
    """1000 Success"""

    success: bool
    """ What the HTTP status says. """
    code: Literal[1000]
    """ What happened, as a number; GET /codes lists them. """
    message: str
    """ The code in words. """
    transaction_id: None | str
    """ The top-up's, where one is concerned; else null. """
    status: BalanceAnswerStatus
    """ The top-up's, where one is concerned; else ok or error. """
    timestamp: datetime.datetime
    """ When it was answered, RFC 3339, UTC. """
    data: Balance
    """ The account's wallet. key is null if the caller has no key. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        success = self.success

        code = self.code

        message = self.message

        transaction_id: None | str
        transaction_id = self.transaction_id

        status: str = self.status

        timestamp = self.timestamp.isoformat()

        data = self.data.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "success": success,
                "code": code,
                "message": message,
                "transaction_id": transaction_id,
                "status": status,
                "timestamp": timestamp,
                "data": data,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.balance import Balance  # noqa: PLC0415

        d = dict(src_dict)
        success = d.pop("success")

        code = cast(Literal[1000], d.pop("code"))
        if code != 1000:
            raise ValueError(f"code must match const 1000, got '{code}'")

        message = d.pop("message")

        def _parse_transaction_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        transaction_id = _parse_transaction_id(d.pop("transaction_id"))

        status = check_balance_answer_status(d.pop("status"))

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        data = Balance.from_dict(d.pop("data"))

        balance_answer = cls(
            success=success,
            code=code,
            message=message,
            transaction_id=transaction_id,
            status=status,
            timestamp=timestamp,
            data=data,
        )

        balance_answer.additional_properties = d
        return balance_answer

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
