"""The only door to AWS: requests as values, and one client that sends them."""
