"""Reads what recipes start from: documents and their passages, rows, labels and lists."""
