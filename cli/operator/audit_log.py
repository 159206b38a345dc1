"""`topup audit-log`: what operators did."""

from cli.acts.command import group_of
from keys.audit_acts import LIST_ACTS

audit_log = group_of("audit-log", "What operators did, with what it was before.", (LIST_ACTS,))
