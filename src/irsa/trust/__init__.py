"""Who may: IAM policies as values, built and judged without asking AWS."""
