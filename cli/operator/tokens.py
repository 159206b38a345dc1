"""`topup tokens`: access tokens of accounts and of operators."""

from cli.acts.command import group_of
from keys.tokens.acts import OPERATOR_ACTS

tokens = group_of(
    "tokens", "System tokens (sat_) of accounts, and operator tokens (adm_).", OPERATOR_ACTS
)
