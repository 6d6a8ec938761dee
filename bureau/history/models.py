"""The changes of rows."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Change(models.Model):
    """What one statement did to a row of a watched table. Written by the database alone; never changed.

    Rows that were made stand as a run, from `first_row` to `last_row`, without values: they are in the table, or in
    `before` of what became of them later. A changed row has its changed columns, a removed one all that it had. The
    act is the audit entry of the same transaction (`bureau.history.acts`): numbers of transactions begin anew when a
    database is restored, so the moment at which it began belongs to them.
    """

    transaction = models.BigIntegerField(_("transaction"))
    at = models.DateTimeField(_("at"))
    table_name = models.CharField(_("table"), max_length=63)
    first_row = models.BigIntegerField(_("row"))
    last_row = models.BigIntegerField(_("last row"))
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)
    connected_as = models.CharField(_("connected as"), max_length=63)

    class Meta:
        verbose_name = _("change of a row")
        verbose_name_plural = _("changes of rows")
        constraints = [
            models.CheckConstraint(name="change_of_rows", condition=Q(last_row__gte=F("first_row"))),
        ]
        indexes = [
            models.Index(
                fields=["table_name", "first_row"], name="change_made", condition=Q(before__isnull=True)
            ),
            models.Index(
                fields=["table_name", "first_row"], name="change_row", condition=Q(before__isnull=False)
            ),
            models.Index(fields=["transaction"], name="change_transaction"),
        ]

    def __str__(self):
        return f"{self.table_name} {self.first_row}"
