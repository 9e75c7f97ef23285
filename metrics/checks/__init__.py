"""Faults for which no score can make up."""
