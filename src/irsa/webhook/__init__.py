"""The serving process: request, decode, look up, patch, answer. It writes nothing anywhere."""
