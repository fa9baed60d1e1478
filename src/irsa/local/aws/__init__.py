"""
A strict local AWS: S3, IAM, STS and IAM Identity Center behind their production host names.

moto holds the state; every rule that moto lacks is checked here, before it. What has no handler of
ours is refused, so that nothing falls through to moto unseen.
Never here: trust rules of its own (they are in `irsa.trust`).
"""
