"""A password set from the console, told in the audit trail."""

import getpass

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from bureau import audit, clock
from bureau.models import Staff


class Command(changepassword.Command):
    def handle(self, *args, **options):
        options["username"] = options["username"] or getpass.getuser()
        with transaction.atomic():
            said = super().handle(*args, **options)
            staff = Staff.objects.get(username=options["username"])
            audit.record("staff.password", actor=staff, now=clock.now(), subject=staff)
        return said
