"""Pages for recipients, who have no account: the claim page, and the page that stops our mail."""
