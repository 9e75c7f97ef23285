"""The figures of the report, one in each file: a pure function from a run's records to a `Figure`."""
