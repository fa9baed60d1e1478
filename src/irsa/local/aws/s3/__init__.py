"""S3 as of 2023: private buckets, no ACLs, block-public-access on, in front of moto's S3."""
