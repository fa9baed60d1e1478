"""IAM: providers, roles, policies and users, with the rules that moto lacks."""
