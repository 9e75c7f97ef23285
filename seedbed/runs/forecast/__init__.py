"""What N accepted rows will take, told from a pilot."""
