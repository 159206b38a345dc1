"""`topup apps`: OAuth apps."""

from cli.acts.command import group_of
from keys.oauth.acts import ACTS

apps = group_of("apps", "OAuth apps: software that acts for users who allow it.", ACTS)
