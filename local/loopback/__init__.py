"""Ports on loopback: the processes that serve them, and the guards that keep pages from elsewhere out."""
