"""Run several identical processes that share one port."""
