"""What rows were before: every change of what is edited or loaded, whoever writes it."""
