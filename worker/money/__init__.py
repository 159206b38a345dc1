"""Run loops that check orders at their provider, and that end plans and credit when they expire."""
