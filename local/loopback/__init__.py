"""Ports of this machine: the processes behind them, and who may call them."""
