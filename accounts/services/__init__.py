"""Everything that writes in this room. Posting is used by other rooms too, so it can be had from here."""

from accounts.services.ledger import EntryRequest, JournalRequest, KeyReused, MonthClosed, Overdrawn, post

__all__ = ["EntryRequest", "JournalRequest", "KeyReused", "MonthClosed", "Overdrawn", "post"]
