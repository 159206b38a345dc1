from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.sealed_day_environment import SealedDayEnvironment, check_sealed_day_environment

T = TypeVar("T", bound="SealedDay")


@_attrs_define
class SealedDay:
    """A UTC day of an environment's ledger as it was sealed."""

    environment: SealedDayEnvironment
    """ The two are closed worlds; check it. """
    day: str
    """ As 2026-11-22, UTC. """
    size: int
    """ Transfers of the day, of all accounts. """
    late: int
    """ Of them, of an earlier day: they committed after it was sealed. """
    root: str
    """ Of the Merkle tree (RFC 6962) over the transfers. """
    digest: str
    """ SHA-256 of the signed statement, which the next day's names. """
    sealed_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    jws: str
    """ The signed statement: what a witness keeps. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        environment: str = self.environment

        day = self.day

        size = self.size

        late = self.late

        root = self.root

        digest = self.digest

        sealed_at = self.sealed_at.isoformat()

        jws = self.jws

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "environment": environment,
                "day": day,
                "size": size,
                "late": late,
                "root": root,
                "digest": digest,
                "sealed_at": sealed_at,
                "jws": jws,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        environment = check_sealed_day_environment(d.pop("environment"))

        day = d.pop("day")

        size = d.pop("size")

        late = d.pop("late")

        root = d.pop("root")

        digest = d.pop("digest")

        sealed_at = datetime.datetime.fromisoformat(d.pop("sealed_at"))

        jws = d.pop("jws")

        sealed_day = cls(
            environment=environment,
            day=day,
            size=size,
            late=late,
            root=root,
            digest=digest,
            sealed_at=sealed_at,
            jws=jws,
        )

        sealed_day.additional_properties = d
        return sealed_day

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
