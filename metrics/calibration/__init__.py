"""From labels to a frozen metric: labelled cases, readings, the fit, and its agreement with people."""
