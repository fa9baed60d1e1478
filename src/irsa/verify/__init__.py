"""
The proof on the cluster in use: a pod writes one object to S3 with its own role.

Never here: fixing what the proof finds.
"""
