"""Made from the gateway's /openapi.json by `make clients`; changes here are lost."""
