"""The acts of this room. One function each; what is refused raises bureau.errors.DomainError."""
