"""Who may call, and how we prove who we are."""
