"""Run loops that check orders with their provider, and that end plans and credit when they expire."""
