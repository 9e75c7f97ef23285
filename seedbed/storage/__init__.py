"""Files that survive a kill: the journal of calls and the ledger of costs; the shards of rows are below."""
