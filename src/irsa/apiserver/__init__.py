"""
Changing the issuer of a living API server: which servers there are, their flags, and the stages.

Pure here: `flags`, `stages`, `servers`. What reads or writes: `fleet`, `rollout` and its parts.
"""
