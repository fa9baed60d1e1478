"""What a pod gets, independent of the engine that gives it."""
