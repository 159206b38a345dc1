"""Connect orders and subscriptions to the payment providers."""
