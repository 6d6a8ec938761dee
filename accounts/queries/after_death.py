"""What accounts paid for care and purchases after a death that was learnt later."""

from django.db.models import F, Q, QuerySet

from accounts.models import AccountUse


def used_after_death(uses: QuerySet[AccountUse]) -> QuerySet[AccountUse]:
    """Of these, the uses of days after the holder's or the user's death that took money and have not been reversed."""
    after = Q(used_on__gt=F("account__member__died_on")) | Q(used_on__gt=F("user__died_on"))
    return uses.filter(after, paid__gt=0, reverses=None, reversal=None)
