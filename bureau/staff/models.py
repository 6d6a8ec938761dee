"""Who works at the bureau, and where."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area, County
from bureau.staff.reach import Principal


class Staff(AbstractUser):
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    county = models.ForeignKey(County, models.PROTECT, null=True, blank=True, verbose_name=_("county agency"))
    must_change_password = models.BooleanField(_("must change the password"), default=False, editable=False)

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")

    def __str__(self):
        return self.get_full_name() or self.username

    @property
    def reach(self) -> Principal:
        """How far they see and act."""
        return Principal(self.area_id, self.county_id)
