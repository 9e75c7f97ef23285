"""Engines: each turns one `dspy.lm15.Request` into one `Response`, by one kind of model behind one door."""
