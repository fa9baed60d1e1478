"""IAM Roles for Service Accounts on any self-hosted Kubernetes."""

__version__ = "0.1.0"
