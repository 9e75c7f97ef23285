"""Sends calls through a provider's batch service, at half the price."""
