"""
From the configuration to what exists: desired, read, plan, apply.

One kind of thing is one file. There is no state file: names follow from the configuration, so what
exists is always read.
"""
