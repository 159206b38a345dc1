"""The Newapi dialect."""
