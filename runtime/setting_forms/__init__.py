"""Parse individual settings, such as platforms, a mail server, discounts and a provider's variables."""
