"""Connect payment providers, such as Stripe and Creem. Each has its own file or folder and implements the same
protocol.
"""
