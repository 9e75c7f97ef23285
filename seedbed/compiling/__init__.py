"""From verdicts and seeds to a frozen metric and a compiled program, and how good both are."""
