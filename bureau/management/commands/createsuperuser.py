"""The account that installs the house, told in the audit trail like any other."""

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction

from bureau import audit, clock
from bureau.models import Staff


class Command(createsuperuser.Command):
    def handle(self, *args, **options):
        with transaction.atomic():
            before = set(Staff.objects.values_list("pk", flat=True))
            super().handle(*args, **options)
            for staff in Staff.objects.exclude(pk__in=before):
                audit.record("staff.register", actor=staff, now=clock.now(), subject=staff, username=staff.username)
