"""Connect the payment providers: one file or folder each, and the protocol that they implement."""
