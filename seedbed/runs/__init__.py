"""From a compiled program to rows on disk: attempts, gates, commits; what a run costs and says of itself."""
