"""G-20: the amounts that are rounded half up to the fen, printed, and carried on as they are printed.

An auditor who has the paper and not the program comes to the same fen: what follows from one of these is computed from
the printed amount, never from the exact one behind it. Whatever stands in no row here is carried exactly and rounded
once, in the payment that it ends in (G-1); a month's quota is such a value. Shares are compared exactly with their
thresholds (use ≥ 80 % of the printed quota), and parts of a total go by largest remainders.

`docs/decisions/printed-amounts.md` is the same list in words.
"""

# By the first word of its step in a trace: what is computed from it.
PRINTED: dict[str, str] = {
    # Quotas
    "quota": "a year's quota: surplus, award, overrun, ceiling of the retention",
    "award": "surplus award: due, settlement, what stays in the fund",
    "advance": "advance: what the year's settlement offsets",
    "prepay": "prepayment: the bound of a month",
    "presettle": "month less retention: paid, retained, what waits for the end of the year",
    "deposit": "retained of a month: the year's retention",
    "ceiling": "most that is retained of a year: released, forfeited",
    "release": "released by the assessment: forfeited, due",
    # A city's pool
    "budget": "a year's budget: contingency, distributable",
    "contingency": "kept for contingencies: distributable",
    "distributable": "left after contingency and reserves: the months",
    "month": "a month's pool: settlement of the month; December has the rest of the year",
    "target": "settled in the whole area: each institution's share",
    "settled": "an institution's share: paid and retained",
}
