"""The controlling process: keeps the webhook's certificates and its `caBundle` true."""
