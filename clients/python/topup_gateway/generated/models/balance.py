from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.balance_currency import BalanceCurrency, check_balance_currency
from ..models.balance_environment import BalanceEnvironment, check_balance_environment

if TYPE_CHECKING:
    from ..models.key_limits import KeyLimits


T = TypeVar("T", bound="Balance")


@_attrs_define
class Balance:
    """The account's wallet. key is null if the caller has no key."""

    balance_cents: int
    """ In US cents. """
    sendable_cents: int
    """ What a send may use, in US cents. """
    promotional_cents: int
    """ Credit that was given, in US cents. """
    held_cents: int
    """ In pending top-ups and holds, in US cents. """
    owed_cents: int
    """ Owed after a refund or dispute, in US cents. """
    currency: BalanceCurrency
    """ The currency, by ISO 4217. """
    environment: BalanceEnvironment
    """ The two are closed worlds; check it. """
    low_balance_threshold_cents: int
    """ The highest of balance.low's thresholds, in US cents; 0: none. """
    low_balance_thresholds_cents: list[int]
    """ When balance.low is sent, the highest first, in US cents. """
    key: KeyLimits | None
    """ What the asking key may spend; null where no key asks. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.key_limits import KeyLimits  # noqa: PLC0415

        balance_cents = self.balance_cents

        sendable_cents = self.sendable_cents

        promotional_cents = self.promotional_cents

        held_cents = self.held_cents

        owed_cents = self.owed_cents

        currency: str = self.currency

        environment: str = self.environment

        low_balance_threshold_cents = self.low_balance_threshold_cents

        low_balance_thresholds_cents = self.low_balance_thresholds_cents

        key: dict[str, Any] | None
        if isinstance(self.key, KeyLimits):
            key = self.key.to_dict()
        else:
            key = self.key

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "balance_cents": balance_cents,
                "sendable_cents": sendable_cents,
                "promotional_cents": promotional_cents,
                "held_cents": held_cents,
                "owed_cents": owed_cents,
                "currency": currency,
                "environment": environment,
                "low_balance_threshold_cents": low_balance_threshold_cents,
                "low_balance_thresholds_cents": low_balance_thresholds_cents,
                "key": key,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.key_limits import KeyLimits  # noqa: PLC0415

        d = dict(src_dict)
        balance_cents = d.pop("balance_cents")

        sendable_cents = d.pop("sendable_cents")

        promotional_cents = d.pop("promotional_cents")

        held_cents = d.pop("held_cents")

        owed_cents = d.pop("owed_cents")

        currency = check_balance_currency(d.pop("currency"))

        environment = check_balance_environment(d.pop("environment"))

        low_balance_threshold_cents = d.pop("low_balance_threshold_cents")

        low_balance_thresholds_cents = cast(list[int], d.pop("low_balance_thresholds_cents"))

        def _parse_key(data: object) -> KeyLimits | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                key_type_0 = KeyLimits.from_dict(data)

                return key_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KeyLimits | None, data)

        key = _parse_key(d.pop("key"))

        balance = cls(
            balance_cents=balance_cents,
            sendable_cents=sendable_cents,
            promotional_cents=promotional_cents,
            held_cents=held_cents,
            owed_cents=owed_cents,
            currency=currency,
            environment=environment,
            low_balance_threshold_cents=low_balance_threshold_cents,
            low_balance_thresholds_cents=low_balance_thresholds_cents,
            key=key,
        )

        balance.additional_properties = d
        return balance

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
