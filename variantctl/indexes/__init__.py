"""Indexes of wheels: the Simple API, pages of links, backends; and the finder that asks all of them."""
