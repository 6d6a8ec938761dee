"""What staff and rosters write about people."""
