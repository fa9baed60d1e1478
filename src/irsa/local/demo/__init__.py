"""
The story that `irsa demo` tells: the whole chain on one machine, attacks, and a clean end.

It types the commands that a production user types. Never here: printing; an `Audience` listens.
"""
