"""Send mail to recipients, who have no account, and to people with access to an account."""
