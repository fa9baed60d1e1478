"""IAM Identity Center: `aws sso login`, its sessions, and the roles that they lead to."""
