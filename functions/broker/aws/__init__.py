"""What the function calls of AWS, and what it writes for CloudWatch."""
