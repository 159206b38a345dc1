"""Deliver events: record what happened, choose the endpoints that receive each event, and send it."""
