"""What a row and a judge are worth."""
