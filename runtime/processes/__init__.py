"""Several equal processes that share one port."""
