"""Sign people in with passwords, passkeys and links."""
