"""Payment runs: computed, submitted, approved by another person, paid; and what late facts change afterwards."""
