"""From labels to a frozen metric: labelled cases, readings, the fit, and how well it agrees with people."""
