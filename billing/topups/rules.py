"""The operator's rules for top-ups: platforms, suppliers, codes and links."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from billing.topups.link_tokens import LinkTokens
from billing.topups.mail import MailRules
from billing.topups.platform import PlatformBook
from billing.topups.topup import TopUp
from billing.topups.voucher import VoucherCodes, sees_code
from keys.principal import Principal

CLAIM_PATH: Final = "/claim"
INVITATION_PATH: Final = "/invitation"
PASSWORD_PATH: Final = "/new-password"  # noqa: S105
SIGN_IN_LINK_PATH: Final = "/sign-in-link"
ADDRESS_PATH: Final = "/verify-address"
DECIDE_PATH: Final = "/decide"


class PublicUrl(NamedTuple):
    text: str


def password_url(public_url: str, links: LinkTokens, reset_id: str) -> str:
    """Return the page that sets a new password, once."""
    return f"{public_url}{PASSWORD_PATH}/{links.token_of('password', reset_id)}"


def sign_in_url(public_url: str, links: LinkTokens, link_id: str) -> str:
    """Return the page that signs in, once, on a press of its button."""
    return f"{public_url}{SIGN_IN_LINK_PATH}/{links.token_of('sign_in', link_id)}"


@dataclass(frozen=True, slots=True)
class TopUpRules:
    platforms: PlatformBook
    codes: VoucherCodes
    links: LinkTokens
    public_url: str = ""
    mail: MailRules = field(default_factory=MailRules)

    def claim_url_shown(self, topup: TopUp, principal: Principal) -> str | None:
        """Return the claim page for readers who may see the code, or None."""
        return self.claim_url(topup.id) if sees_code(principal, topup.spent_by) else None

    def claim_url(self, topup_id: str, token: str | None = None) -> str:
        """Return the recipient's page: as good as the code itself."""
        return f"{self.public_url}{CLAIM_PATH}/{token or self.claim_token_of(topup_id)}"

    def decide_url(self, approval_id: str) -> str:
        """Return the page on which anybody with its address decides, once. Only for people."""
        token = self.links.token_of("approval", approval_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def colleague_decide_url(self, mail_id: str) -> str:
        """Return the page for the colleague whom the mail goes to, valid while they may decide."""
        token = self.links.token_of("colleague_approval", mail_id)
        return f"{self.public_url}{DECIDE_PATH}/{token}"

    def invitation_url(self, invitation_id: str, address: str = "") -> str:
        """Return the page to join, once, for a sign-in with the invited address. address: where the caller
        found this gateway, if there is no public_url.
        """
        token = self.links.token_of("invitation", invitation_id)
        return f"{self.public_url or address}{INVITATION_PATH}/{token}"

    def password_url(self, reset_id: str) -> str:
        return password_url(self.public_url, self.links, reset_id)

    def address_url(self, verification_id: str) -> str:
        """Return the page that verifies, once, the address that the mail went to."""
        return f"{self.public_url}{ADDRESS_PATH}/{self.links.token_of('address', verification_id)}"

    def claim_token_of(self, topup_id: str) -> str:
        return self.links.token_of("claim", topup_id)
