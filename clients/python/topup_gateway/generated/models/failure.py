from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.next_action import NextAction, check_next_action
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.field_problem import FieldProblem
    from ..models.link import Link


T = TypeVar("T", bound="Failure")


@_attrs_define
class Failure:
    """What is wrong and what to do about it; some causes add facts of their own."""

    detail: str
    """ A sentence for people. """
    param: None | str
    """ The field that is wrong. """
    retryable: bool
    """ The same request may succeed later. """
    retry_after_s: int | None
    """ How long to wait, in seconds. """
    next_action: NextAction
    """ For programs: what to do after an error. """
    doc_url: str
    """ Where the code is explained: HTML, Markdown with .md, JSON with .json. """
    reason: str | Unset = UNSET
    """ Which cause, where one code has several. """
    errors: list[FieldProblem] | Unset = UNSET
    """ All that is wrong at once. """
    links: list[Link] | Unset = UNSET
    """ Which call comes next, the most useful first. """
    did_you_mean: str | Unset = UNSET
    """ The most similar name. """
    limit: Any | Unset = UNSET
    """ The limit that was hit. """
    remaining: Any | Unset = UNSET
    """ What is left of it. """
    oldest_cursor: str | Unset = UNSET
    """ Of events: where to go on; nothing older is kept. """
    resets_at: datetime.datetime | None | Unset = UNSET
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        detail = self.detail

        param: None | str
        param = self.param

        retryable = self.retryable

        retry_after_s: int | None
        retry_after_s = self.retry_after_s

        next_action: str = self.next_action

        doc_url = self.doc_url

        reason = self.reason

        errors: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.errors, Unset):
            errors = []
            for errors_item_data in self.errors:
                errors_item = errors_item_data.to_dict()
                errors.append(errors_item)

        links: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.links, Unset):
            links = []
            for links_item_data in self.links:
                links_item = links_item_data.to_dict()
                links.append(links_item)

        did_you_mean = self.did_you_mean

        limit = self.limit

        remaining = self.remaining

        oldest_cursor = self.oldest_cursor

        resets_at: None | str | Unset
        if isinstance(self.resets_at, Unset):
            resets_at = UNSET
        elif isinstance(self.resets_at, datetime.datetime):
            resets_at = self.resets_at.isoformat()
        else:
            resets_at = self.resets_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "detail": detail,
                "param": param,
                "retryable": retryable,
                "retry_after_s": retry_after_s,
                "next_action": next_action,
                "doc_url": doc_url,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason
        if errors is not UNSET:
            field_dict["errors"] = errors
        if links is not UNSET:
            field_dict["links"] = links
        if did_you_mean is not UNSET:
            field_dict["did_you_mean"] = did_you_mean
        if limit is not UNSET:
            field_dict["limit"] = limit
        if remaining is not UNSET:
            field_dict["remaining"] = remaining
        if oldest_cursor is not UNSET:
            field_dict["oldest_cursor"] = oldest_cursor
        if resets_at is not UNSET:
            field_dict["resets_at"] = resets_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.field_problem import FieldProblem  # noqa: PLC0415
        from ..models.link import Link  # noqa: PLC0415

        d = dict(src_dict)
        detail = d.pop("detail")

        def _parse_param(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        param = _parse_param(d.pop("param"))

        retryable = d.pop("retryable")

        def _parse_retry_after_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        retry_after_s = _parse_retry_after_s(d.pop("retry_after_s"))

        next_action = check_next_action(d.pop("next_action"))

        doc_url = d.pop("doc_url")

        reason = d.pop("reason", UNSET)

        _errors = d.pop("errors", UNSET)
        errors: list[FieldProblem] | Unset = UNSET
        if _errors is not UNSET:
            errors = []
            for errors_item_data in _errors:
                errors_item = FieldProblem.from_dict(errors_item_data)

                errors.append(errors_item)

        _links = d.pop("links", UNSET)
        links: list[Link] | Unset = UNSET
        if _links is not UNSET:
            links = []
            for links_item_data in _links:
                links_item = Link.from_dict(links_item_data)

                links.append(links_item)

        did_you_mean = d.pop("did_you_mean", UNSET)

        limit = d.pop("limit", UNSET)

        remaining = d.pop("remaining", UNSET)

        oldest_cursor = d.pop("oldest_cursor", UNSET)

        def _parse_resets_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                resets_at_type_0 = datetime.datetime.fromisoformat(data)

                return resets_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        resets_at = _parse_resets_at(d.pop("resets_at", UNSET))

        failure = cls(
            detail=detail,
            param=param,
            retryable=retryable,
            retry_after_s=retry_after_s,
            next_action=next_action,
            doc_url=doc_url,
            reason=reason,
            errors=errors,
            links=links,
            did_you_mean=did_you_mean,
            limit=limit,
            remaining=remaining,
            oldest_cursor=oldest_cursor,
            resets_at=resets_at,
        )

        failure.additional_properties = d
        return failure

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
