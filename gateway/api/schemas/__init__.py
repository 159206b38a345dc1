"""The structs that our own API's answers are made of."""
