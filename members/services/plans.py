"""What a plan becomes by what is said of it: 统账结合 ends 单建统筹, and says nothing of the level of contribution."""

from bureau.rules.enrolment import POOLED_ONLY
from members.insured import WITH_ACCOUNT


def plan_after(said: str, had: str) -> str:
    """SQL: the plan of an enrolment, where a roster's line says `said` (NULL: nothing) and it was `had`."""
    return (
        f"CASE WHEN {said} = '{WITH_ACCOUNT}' AND {had} <> '{POOLED_ONLY}' THEN {had} ELSE COALESCE({said}, {had}) END"
    )
