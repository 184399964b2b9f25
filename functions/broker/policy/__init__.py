"""The compiled trust policy: its structs, its conditions as values, and the keys in it."""
