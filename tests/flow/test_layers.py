"""What import-linter cannot see: keys named by strings, and tables named in SQL."""

from django.apps import apps
from django.core.management import call_command

ROOMS = ("bureau", "members", ("institutions", "accounts"), "settlement")


def level(label: str) -> int:
    return next(
        number for number, room in enumerate(ROOMS) if label == room or (isinstance(room, tuple) and label in room)
    )


def test_foreign_keys_point_only_down():
    wrong, seen = [], 0
    for label in ("bureau", "members", "institutions", "accounts", "settlement"):
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.get_fields():
                target = field.related_model if field.concrete and field.is_relation else None
                if target is None or target._meta.app_label in ("auth", "contenttypes"):
                    continue
                seen += 1
                other = target._meta.app_label
                if other != label and level(other) >= level(label):
                    wrong.append(f"{model._meta.label}.{field.name} → {target._meta.label}")
    assert seen > 40
    assert wrong == []


def test_models_and_migrations_agree(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
