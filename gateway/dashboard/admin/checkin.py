"""What a check-in awards in this environment."""

from typing import Final

from billing.credits.checkin_acts import SET_CHECKIN, SHOW_CHECKIN
from gateway.dashboard.act_pages import SettingsPage

PAGE: Final = SettingsPage(
    path="/checkin",
    title="Check-in settings",
    lead="What accounts get for coming by once a day. It is promotional credit; 1,000 credits are worth $1.00.",
    shown=SHOW_CHECKIN,
    change=SET_CHECKIN,
)
ROUTES = PAGE.routes()
