"""The only door to the Kubernetes API: plain JSON objects in and out, foreign errors translated."""
