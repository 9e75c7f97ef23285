"""Files that survive a kill: the journal of calls, the ledger of costs, and the shards of rows."""
