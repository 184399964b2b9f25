"""The parts that tests share: a clock that they move, keys that sign, a fake web, and a broker wired to them."""
