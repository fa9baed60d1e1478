"""Who signs: issuer URLs, keys, and the documents that make them public."""
