"""The setting of whether disabled webhooks are asked again."""

from pydantic import BaseModel, Field


class ProbeSettings(BaseModel):
    """A base of runtime.settings.Settings."""

    webhook_probe: bool = Field(
        True, description="Webhooks disabled for failing are asked now and then, and enabled again."
    )
