"""What a person decides on plans: payments that credited nothing and go back, and periods that are given free."""
