"""`python -m irsa`."""

from irsa.cli import run

run()
