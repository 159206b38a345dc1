"""The operator's pages: they need `admin`, which no ordinary account has."""
