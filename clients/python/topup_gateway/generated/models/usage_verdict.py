from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.usage_verdict_status import UsageVerdictStatus, check_usage_verdict_status

if TYPE_CHECKING:
    from ..models.failure import Failure


T = TypeVar("T", bound="UsageVerdict")


@_attrs_define
class UsageVerdict:
    """A record of a batch: charged; repeated, which was charged before under its reference; or refused,
    with the code and the error of a single record.

    """

    index: int
    """ Which record, counted from 0. """
    status: UsageVerdictStatus
    """ What became of it. """
    reference: None | str
    """ The caller's own name for it, once per environment. """
    id: None | str
    """ Its id. """
    amount_micros: int | None
    """ In millionths of a US dollar. """
    price_version: int | None
    """ The version of the price list that priced it; null: an amount was charged. """
    code: int | None
    """ Why it was refused, as a number; null: it was not. """
    message: None | str
    """ The code in words; null: it was not refused. """
    error: Failure | None
    """ Why it was refused; null: it was not. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.failure import Failure  # noqa: PLC0415

        index = self.index

        status: str = self.status

        reference: None | str
        reference = self.reference

        id: None | str
        id = self.id

        amount_micros: int | None
        amount_micros = self.amount_micros

        price_version: int | None
        price_version = self.price_version

        code: int | None
        code = self.code

        message: None | str
        message = self.message

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
                "status": status,
                "reference": reference,
                "id": id,
                "amount_micros": amount_micros,
                "price_version": price_version,
                "code": code,
                "message": message,
                "error": error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        index = d.pop("index")

        status = check_usage_verdict_status(d.pop("status"))

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        def _parse_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        id = _parse_id(d.pop("id"))

        def _parse_amount_micros(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        amount_micros = _parse_amount_micros(d.pop("amount_micros"))

        def _parse_price_version(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        price_version = _parse_price_version(d.pop("price_version"))

        def _parse_code(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        code = _parse_code(d.pop("code"))

        def _parse_message(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        message = _parse_message(d.pop("message"))

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

        usage_verdict = cls(
            index=index,
            status=status,
            reference=reference,
            id=id,
            amount_micros=amount_micros,
            price_version=price_version,
            code=code,
            message=message,
            error=error,
        )

        usage_verdict.additional_properties = d
        return usage_verdict

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
