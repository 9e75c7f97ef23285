"""What people say of rows: verdicts asked for and kept."""
