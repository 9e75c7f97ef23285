"""Files that survive a kill: the journal of calls, the ledger of money, and the shards of rows."""
