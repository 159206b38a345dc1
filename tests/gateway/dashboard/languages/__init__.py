"""The gateway's own pages in other languages: the catalogues, and each room's pages in Arabic."""
