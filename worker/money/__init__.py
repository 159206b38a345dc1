"""Run loops over money: check orders at their provider, and end plans and credit that expire."""
