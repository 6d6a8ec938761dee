"""Where the bureau works: areas with their county agencies, and the schemes that people are insured by."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Scheme(models.TextChoices):
    """险种类型, codes of the national dictionary."""

    EMPLOYEES = "310", _("Employees' basic medical insurance")
    RESIDENTS = "390", _("Residents' basic medical insurance")


class Area(models.Model):
    """统筹区: one set of funds and rules. Its key is the GB/T 2260 code."""

    code = models.CharField(_("area code"), max_length=6, primary_key=True)
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")

    def __str__(self):
        return self.name


class County(models.Model):
    """A county's agency (经办机构), which pays its own institutions."""

    code = models.CharField(_("county code"), max_length=6, primary_key=True)
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("county agency")
        verbose_name_plural = _("county agencies")

    def __str__(self):
        return self.name
