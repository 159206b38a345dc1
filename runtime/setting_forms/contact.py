"""The setting that says who takes reports about weaknesses in this installation."""

import re

from pydantic import BaseModel, Field, field_validator

_CONTACT = re.compile(r"(mailto:[^\s@]+@[^\s@]+|https://\S+|tel:\+[0-9-]+)")


class ContactSettings(BaseModel):
    security_contact: str = Field(
        "",
        max_length=200,
        description="Whom to tell of a weakness: mailto:… or https://…, in /.well-known/security.txt,"
        " which is not there without it.",
    )

    @field_validator("security_contact")
    @classmethod
    def _check_contact(cls, value: str) -> str:
        if value and _CONTACT.fullmatch(value) is None:
            raise ValueError("TOPUP_SECURITY_CONTACT begins with mailto:, https:// or tel:+")
        return value
