from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.top_up_story_answer_code import TopUpStoryAnswerCode, check_top_up_story_answer_code
from ..models.top_up_story_answer_status import (
    TopUpStoryAnswerStatus,
    check_top_up_story_answer_status,
)

if TYPE_CHECKING:
    from ..models.top_up_story import TopUpStory


T = TypeVar("T", bound="TopUpStoryAnswer")


@_attrs_define
class TopUpStoryAnswer:
    """1001 Top-up delivered · 1002 Top-up pending · 3001 Cancelled successfully · 3005 Top-up failed, funds refunded ·
    3007 Top-up reversed

    """

    success: bool
    """ What the HTTP status says. """
    code: TopUpStoryAnswerCode
    """ What happened, as a number; GET /codes lists them. """
    message: str
    """ The code in words. """
    transaction_id: None | str
    """ The top-up's, where one is concerned; else null. """
    status: TopUpStoryAnswerStatus
    """ The top-up's, where one is concerned; else ok or error. """
    timestamp: datetime.datetime
    """ When it was answered, RFC 3339, UTC. """
    data: TopUpStory
    """ A top-up with everything that came of it; approval_id where a person was asked.

        needs_review: nobody knows whether its supplier delivered, and nobody can find out but a person
        of the operator's. reversal: null unless somebody wanted it back. supplier and cost_cents are for
        operators, and null for everybody else. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        success = self.success

        code: int = self.code

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
        from ..models.top_up_story import TopUpStory  # noqa: PLC0415

        d = dict(src_dict)
        success = d.pop("success")

        code = check_top_up_story_answer_code(d.pop("code"))

        message = d.pop("message")

        def _parse_transaction_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        transaction_id = _parse_transaction_id(d.pop("transaction_id"))

        status = check_top_up_story_answer_status(d.pop("status"))

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        data = TopUpStory.from_dict(d.pop("data"))

        top_up_story_answer = cls(
            success=success,
            code=code,
            message=message,
            transaction_id=transaction_id,
            status=status,
            timestamp=timestamp,
            data=data,
        )

        top_up_story_answer.additional_properties = d
        return top_up_story_answer

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
