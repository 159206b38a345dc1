"""Commands that speak to a gateway over HTTP with an API key: they need no database and no server here."""
