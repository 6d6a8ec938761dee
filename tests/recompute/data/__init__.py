"""What is stored, read with SQL, and as it was known at a moment."""
