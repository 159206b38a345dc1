"""How single settings are read: a platform, a mail server, a discount, a provider's variables."""
