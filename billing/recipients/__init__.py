"""Send mail to recipients, and to people with access to an account."""
