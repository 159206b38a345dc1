"""The payment providers, one file or folder each, and the protocol they implement."""
