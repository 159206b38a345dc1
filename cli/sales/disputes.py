"""`topup disputes`: payments that a payer's bank disputes, and until when evidence counts."""

from billing.payments.dispute_acts import ACTS
from cli.acts.command import group_of

disputes = group_of("disputes", "Disputed payments, and until when evidence counts.", ACTS)
