"""Recipients, who have no account: their mail, their claim page, their languages, their data."""
