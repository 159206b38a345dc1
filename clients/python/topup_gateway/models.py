"""Every body and answer of the API."""

from .generated.models import *  # noqa: F403 - made from the document, each with its __all__
