"""Where each distribution keeps the API server's flags, one file a distribution."""
