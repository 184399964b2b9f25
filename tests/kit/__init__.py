"""What tests share: a clock they move, keys that sign, a web that answers as told, a broker wired to them."""
