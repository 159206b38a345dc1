"""The settings of the mail server and the sender, checked as they are read."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr, ValidationInfo

from billing.recipients.smtp_server import parse_mail_from, parse_smtp_url


def _check_url(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        parse_smtp_url(value.get_secret_value())
    return value


def _check_mail_from(value: str, info: ValidationInfo) -> str:
    if value:
        parse_mail_from(value)
    elif "smtp_url" in info.data and info.data["smtp_url"].get_secret_value():
        raise ValueError("is needed where TOPUP_SMTP_URL is set")
    return value


SmtpUrl = Annotated[SecretStr, AfterValidator(_check_url)]
MailFrom = Annotated[str, AfterValidator(_check_mail_from)]
