"""Which tables keep a history, and why the others keep none: every table of the house is in one of the two lists."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watched:
    """`sealed`: columns of which the history says that they changed, and not what they held. `passing`: columns that
    are no facts, whose changes it leaves out. `key`: the primary key, a whole number or digits."""

    sealed: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    key: str = "id"


WATCHED = {
    "bureau_area": Watched(key="code"),
    "bureau_county": Watched(key="code"),
    "bureau_staff": Watched(sealed=("password",), passing=("last_login",)),
    "bureau_staff_groups": Watched(),
    "bureau_edition": Watched(),
    "bureau_publishedfigure": Watched(),
    "members_benefitperiod": Watched(),
    "members_contribution": Watched(),
    "members_employer": Watched(),
    "members_enrolment": Watched(),
    # The last four say which number it was; neither the number, encrypted, nor its keyed hash is copied.
    "members_member": Watched(sealed=("document_cipher",), passing=("document_hash",)),
    "members_relative": Watched(),
    "members_suspension": Watched(),
    "institutions_accountchange": Watched(),
    "institutions_agreement": Watched(),
    "institutions_assessment": Watched(),
    "institutions_hospitalstay": Watched(),
    "institutions_institution": Watched(),
    "institutions_level": Watched(),
    "institutions_outofarearegistration": Watched(),
    "institutions_referral": Watched(),
    "institutions_selection": Watched(),
    "institutions_selectionwindow": Watched(),
    "accounts_familygrant": Watched(),
    "accounts_freeze": Watched(),
    "settlement_claim": Watched(sealed=("proxy_document_cipher",)),
    "settlement_monthlyreturn": Watched(),
    "settlement_openinguse": Watched(),
    "settlement_otheruse": Watched(),
}

STAYS = "inserted and never rewritten"
STEPS = "moves by steps that stand in its columns with person and time, and are proved against the trail"
WORK = "work in hand: what it wrote has a history of its own"
GIVEN = "not the application's to write"
PACKAGE = "a package's own, no fact of the house"

EXEMPT = {
    "bureau_auditentry": STAYS,
    "bureau_change": STAYS,
    "accounts_accountuse": STAYS,
    "accounts_closedmonth": "a closed month is a row; taking it away writes its audit entry in one function",
    "accounts_credit": STAYS,
    "accounts_creditrecovery": STAYS,
    "accounts_entry": STAYS,
    "accounts_journal": STAYS,
    "settlement_accountrecovery": STAYS,
    "settlement_adjustment_visits": STAYS,
    "settlement_visit": STAYS,
    "settlement_visitpayment": STAYS,
    "settlement_invoice": "goes with its visit or claim, which is proved",
    "accounts_account": "balance and number come from its entries, its standing from freezes and payouts",
    "accounts_payout": STEPS,
    "settlement_adjustment": STEPS,
    "settlement_claimpayment": STEPS,
    "settlement_line": STEPS,
    "settlement_payment": STEPS,
    "settlement_proposal": STEPS,
    "settlement_run": STEPS,
    "bureau_chunk": WORK,
    "bureau_job": WORK,
    "bureau_upload": WORK,
    "bureau_rejectedrow": WORK,
    "bureau_loginfailure": "counts wrong passwords for a quarter of an hour",
    "bureau_staff_user_permissions": GIVEN,
    "auth_group": GIVEN,
    "auth_group_permissions": GIVEN,
    "auth_permission": GIVEN,
    "django_admin_log": GIVEN,
    "django_content_type": GIVEN,
    "django_migrations": GIVEN,
    "django_session": PACKAGE,
    "django_celery_beat_clockedschedule": PACKAGE,
    "django_celery_beat_crontabschedule": PACKAGE,
    "django_celery_beat_intervalschedule": PACKAGE,
    "django_celery_beat_periodictask": "written by the schedule each minute; changes by hand stand in the trail",
    "django_celery_beat_periodictasks": PACKAGE,
    "django_celery_beat_solarschedule": PACKAGE,
}
