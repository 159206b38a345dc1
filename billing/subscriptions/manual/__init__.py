"""What operators decide on plans: returning uncredited payments, and free periods."""
