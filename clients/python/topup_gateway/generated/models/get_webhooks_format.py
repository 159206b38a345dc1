from typing import Literal, cast

GetWebhooksFormat = Literal["csv", "csv_excel", "json"]


def check_get_webhooks_format(value: str) -> GetWebhooksFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetWebhooksFormat, value)
