from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.decide_body_verdict import DecideBodyVerdict, check_decide_body_verdict
from ..types import UNSET, Unset

T = TypeVar("T", bound="DecideBody")


@_attrs_define
class DecideBody:
    """What an operator found on the provider's own pages."""

    verdict: DecideBodyVerdict
    """ Whether the provider made the refund. """
    reason: str
    """ Where you saw it. """
    provider_refund_id: None | str | Unset = UNSET
    """ What the provider calls it, where it was made. """

    def to_dict(self) -> dict[str, Any]:
        verdict: str = self.verdict

        reason = self.reason

        provider_refund_id: None | str | Unset
        if isinstance(self.provider_refund_id, Unset):
            provider_refund_id = UNSET
        else:
            provider_refund_id = self.provider_refund_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "verdict": verdict,
                "reason": reason,
            }
        )
        if provider_refund_id is not UNSET:
            field_dict["provider_refund_id"] = provider_refund_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        verdict = check_decide_body_verdict(d.pop("verdict"))

        reason = d.pop("reason")

        def _parse_provider_refund_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        provider_refund_id = _parse_provider_refund_id(d.pop("provider_refund_id", UNSET))

        decide_body = cls(
            verdict=verdict,
            reason=reason,
            provider_refund_id=provider_refund_id,
        )

        return decide_body
