"""Pages for the signed-in user: sign-in, settings and consent."""
