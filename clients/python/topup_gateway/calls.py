"""Every call of the API: functions that make a Call of their arguments, by method and path."""

from .generated.calls import *  # noqa: F403 - made from the document, each with its __all__
