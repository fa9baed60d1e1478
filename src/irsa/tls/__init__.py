"""The certificates of the webhook, and of the rig."""
