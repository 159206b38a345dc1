"""Machine payments for one top-up: no order, no account; the payment comes with the request."""
