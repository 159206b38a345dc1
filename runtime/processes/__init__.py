"""Several identical processes that share one port."""
