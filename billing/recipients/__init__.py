"""Send mail to recipients, who have no account, and to the people of an account."""
