"""The groups of settings that have a file of their own, together."""

from runtime.setting_forms.contact import ContactSettings
from runtime.setting_forms.credit import CreditSettings
from runtime.setting_forms.seller import SellerSettings


class SettingGroups(CreditSettings, SellerSettings, ContactSettings):
    """Every group; another one is added here."""
