from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.settle_body_environment_type_0 import (
    SettleBodyEnvironmentType0,
    check_settle_body_environment_type_0,
)
from ..models.settle_body_status import SettleBodyStatus, check_settle_body_status
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.deliverable_body import DeliverableBody


T = TypeVar("T", bound="SettleBody")


@_attrs_define
class SettleBody:
    """What became of the top-up; the reason of a failure is shown to the sender.

    deliverable: of a delivered one; without it the recipient has the credit in an account there.

    """

    transaction_id: str
    """ The one of the path: the signature covers it here. """
    status: SettleBodyStatus
    """ How the top-up ended. """
    reason: None | str | Unset = UNSET
    """ Why it failed; its sender reads it. """
    deliverable: DeliverableBody | None | Unset = UNSET
    """ What the recipient is given; null: nothing yet. """
    cost_cents: int | None | Unset = UNSET
    """ What it cost you, in US cents. """
    platform: None | str | Unset = UNSET
    """ What it is for; checked where it is there. """
    amount_cents: int | None | Unset = UNSET
    """ Its face value; checked where it is there. """
    environment: None | SettleBodyEnvironmentType0 | Unset = UNSET
    """ Where it is good; checked where it is there. """

    def to_dict(self) -> dict[str, Any]:
        from ..models.deliverable_body import DeliverableBody  # noqa: PLC0415

        transaction_id = self.transaction_id

        status: str = self.status

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        else:
            reason = self.reason

        deliverable: dict[str, Any] | None | Unset
        if isinstance(self.deliverable, Unset):
            deliverable = UNSET
        elif isinstance(self.deliverable, DeliverableBody):
            deliverable = self.deliverable.to_dict()
        else:
            deliverable = self.deliverable

        cost_cents: int | None | Unset
        if isinstance(self.cost_cents, Unset):
            cost_cents = UNSET
        else:
            cost_cents = self.cost_cents

        platform: None | str | Unset
        if isinstance(self.platform, Unset):
            platform = UNSET
        else:
            platform = self.platform

        amount_cents: int | None | Unset
        if isinstance(self.amount_cents, Unset):
            amount_cents = UNSET
        else:
            amount_cents = self.amount_cents

        environment: None | str | Unset
        if isinstance(self.environment, Unset):
            environment = UNSET
        elif isinstance(self.environment, str):
            environment = self.environment
        else:
            environment = self.environment

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "transaction_id": transaction_id,
                "status": status,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason
        if deliverable is not UNSET:
            field_dict["deliverable"] = deliverable
        if cost_cents is not UNSET:
            field_dict["cost_cents"] = cost_cents
        if platform is not UNSET:
            field_dict["platform"] = platform
        if amount_cents is not UNSET:
            field_dict["amount_cents"] = amount_cents
        if environment is not UNSET:
            field_dict["environment"] = environment

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deliverable_body import DeliverableBody  # noqa: PLC0415

        d = dict(src_dict)
        transaction_id = d.pop("transaction_id")

        status = check_settle_body_status(d.pop("status"))

        def _parse_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        def _parse_deliverable(data: object) -> DeliverableBody | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                deliverable_type_0 = DeliverableBody.from_dict(data)

                return deliverable_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DeliverableBody | None | Unset, data)

        deliverable = _parse_deliverable(d.pop("deliverable", UNSET))

        def _parse_cost_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        cost_cents = _parse_cost_cents(d.pop("cost_cents", UNSET))

        def _parse_platform(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        platform = _parse_platform(d.pop("platform", UNSET))

        def _parse_amount_cents(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        amount_cents = _parse_amount_cents(d.pop("amount_cents", UNSET))

        def _parse_environment(data: object) -> None | SettleBodyEnvironmentType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                environment_type_0 = check_settle_body_environment_type_0(data)

                return environment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SettleBodyEnvironmentType0 | Unset, data)

        environment = _parse_environment(d.pop("environment", UNSET))

        settle_body = cls(
            transaction_id=transaction_id,
            status=status,
            reason=reason,
            deliverable=deliverable,
            cost_cents=cost_cents,
            platform=platform,
            amount_cents=amount_cents,
            environment=environment,
        )

        return settle_body
