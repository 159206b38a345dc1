"""`topup keys`: API keys."""

from billing.reports.key_tree import SHOW_TREE
from cli.acts.command import group_of
from keys.api_keys.acts import ACTS

keys = group_of("keys", "API keys.", (*ACTS, SHOW_TREE))
