"""Models behind names: how each is opened, asked, priced and limited; and the embedders."""
