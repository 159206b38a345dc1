"""Pages for the signed-in user: sign-in, settings, consent."""
