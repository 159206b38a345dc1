"""The operator's rules about top-ups: the platforms and their suppliers, and their codes."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from billing.topups.link_tokens import LinkTokens
from billing.topups.mail import MailRules
from billing.topups.platform import PlatformBook
from billing.topups.topup import TopUp
from billing.topups.voucher import VoucherCodes, sees_code
from keys.principal import Principal

# The path of a top-up's page for its recipient.
CLAIM_PATH: Final = "/claim"
INVITATION_PATH: Final = "/invitation"
PASSWORD_PATH: Final = "/new-password"  # noqa: S105
SIGN_IN_LINK_PATH: Final = "/sign-in-link"
ADDRESS_PATH: Final = "/verify-address"
# The path where whoever has the link decides on a waiting send.
DECIDE_PATH: Final = "/decide"


class PublicUrl(NamedTuple):
    """Where people find the dashboard and the API."""

    text: str


def password_url(public_url: str, links: LinkTokens, reset_id: str) -> str:
    """Return the page that sets a new password, once, for whoever reads the mail of the account's address."""
    return f"{public_url}{PASSWORD_PATH}/{links.token_of('password', reset_id)}"


def sign_in_url(public_url: str, links: LinkTokens, link_id: str) -> str:
    """Return the page that signs in, once, whoever presses its button on this machine."""
    return f"{public_url}{SIGN_IN_LINK_PATH}/{links.token_of('sign_in', link_id)}"


@dataclass(frozen=True, slots=True)
class TopUpRules:
    """public_url: of the dashboard and the API."""

    platforms: PlatformBook
    codes: VoucherCodes
    links: LinkTokens
    public_url: str = ""
    mail: MailRules = field(default_factory=MailRules)

    def claim_url_shown(self, topup: TopUp, principal: Principal) -> str | None:
        """Return it for readers who may see the code; None for all others."""
        return self.claim_url(topup.id) if sees_code(principal, topup.spent_by) else None

    def claim_url(self, topup_id: str, token: str | None = None) -> str:
        """Return the recipient's page, which shows what was delivered: as good as the code itself.

        token: if it was computed before.
        """
        return f"{self.public_url}{CLAIM_PATH}/{token or self.claim_token_of(topup_id)}"

    def decide_url(self, approval_id: str) -> str:
        """Return a page that decides on the approval, once, for whoever has the address: for persons alone."""
        token = self.links.token_of("approval", approval_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def colleague_decide_url(self, mail_id: str) -> str:
        """Return the same page for the colleague whom the mail goes to, while they may decide."""
        token = self.links.token_of("colleague_approval", mail_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def invitation_url(self, invitation_id: str, address: str = "") -> str:
        """Return the page to join, once, for whoever signs in with the invited address.

        address: where the caller found this gateway, for one without a public_url.
        """
        token = self.links.token_of("invitation", invitation_id)
        return f"{self.public_url or address}{INVITATION_PATH}/{token}"

    def password_url(self, reset_id: str) -> str:
        """Call the function of this name."""
        return password_url(self.public_url, self.links, reset_id)

    def address_url(self, verification_id: str) -> str:
        """Return the page that verifies, once, the address that the mail went to."""
        return f"{self.public_url}{ADDRESS_PATH}/{self.links.token_of('address', verification_id)}"

    def claim_token_of(self, topup_id: str) -> str:
        """Return the token of that page for the top-up."""
        return self.links.token_of("claim", topup_id)
