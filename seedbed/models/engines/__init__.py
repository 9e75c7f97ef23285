"""Engines that answer a request themselves: an HTTP endpoint, a provider, an embedded model, a script."""
