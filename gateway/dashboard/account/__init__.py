"""Pages about the person's account: sign-in, settings, consents."""
