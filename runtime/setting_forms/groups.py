"""All groups of settings that have a file of their own."""

from runtime.setting_forms.contact import ContactSettings
from runtime.setting_forms.credit import CreditSettings
from runtime.setting_forms.probing import ProbeSettings
from runtime.setting_forms.processes import ProcessSettings
from runtime.setting_forms.request_log import RequestLogSettings
from runtime.setting_forms.seller import SellerSettings
from runtime.setting_forms.staging import StagingSettings
from runtime.setting_forms.tracing import TracingSettings
from runtime.setting_forms.x402 import X402Settings


class SettingGroups(
    CreditSettings,
    SellerSettings,
    ContactSettings,
    X402Settings,
    RequestLogSettings,
    ProcessSettings,
    TracingSettings,
    ProbeSettings,
    StagingSettings,
):
    """Every group; add a new one here."""
