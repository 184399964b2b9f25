"""What all others stand on: errors, time, the network, records, values."""
