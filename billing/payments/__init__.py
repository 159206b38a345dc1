"""Where orders and subscriptions meet the payment providers."""
