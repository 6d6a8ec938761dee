"""Dated rows of which one counts a day: said once beside the model, kept by the database, and told in forms.

`OneAtATime` is a constraint of a model. Its index comes with a migration; the triggers that keep it are made of it
(`trigger_sql`) and installed by `bureau.guards`. See docs/decisions/one-a-day.md.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import BaseConstraint, Index, Model, Q
from django.utils.translation import gettext_lazy as _


class OneAtATime(BaseConstraint):
    """At most one row a day for the same keys; an empty last day means until further notice.

    The first key is a foreign key: whoever writes rows of it takes turns by a lock on the row that it names.
    `condition`: rows that it does not meet count for nothing.
    """

    default_violation_error_message = _("These days overlap those of another record.")

    def __init__(
        self,
        *,
        name: str,
        keys: Sequence[str],
        first: str = "starts_on",
        last: str = "ends_on",
        condition: Q | None = None,
        violation_error_message: Any = None,
    ):
        super().__init__(name=name, violation_error_message=violation_error_message)
        self.keys, self.first, self.last, self.condition = tuple(keys), first, last, condition

    @property
    def _index(self) -> Index:
        return Index(fields=[*self.keys, self.first], name=self.name, condition=self.condition)

    def constraint_sql(self, model, schema_editor):
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model, schema_editor):
        return self._index.create_sql(model, schema_editor)

    def remove_sql(self, model, schema_editor):
        return self._index.remove_sql(model, schema_editor)

    def validate(self, model, instance, exclude=None, using=DEFAULT_DB_ALIAS):
        if {*self.keys, self.first, self.last} & set(exclude or ()):
            return
        keys = {key: getattr(instance, model._meta.get_field(key).attname) for key in self.keys}
        first, last = getattr(instance, self.first), getattr(instance, self.last)
        if first is None or None in keys.values():
            return
        others = model._default_manager.using(using).filter(**keys)
        if self.condition is not None:
            try:
                said = instance._get_field_expression_map(meta=model._meta, exclude=exclude)
                if not self.condition.check(said, using=using):
                    return
            except FieldError:
                return
            others = others.filter(self.condition)
        others = others.filter(Q(**{f"{self.last}__isnull": True}) | Q(**{f"{self.last}__gte": first}))
        if last is not None:
            others = others.filter(**{f"{self.first}__lte": last})
        if not instance._state.adding:
            others = others.exclude(pk=instance.pk)
        if others.exists():
            raise ValidationError(self.get_violation_error_message(), code=self.violation_error_code)

    def deconstruct(self):
        path, args, kwargs = super().deconstruct()
        kwargs |= {"keys": self.keys, "first": self.first, "last": self.last}
        if self.condition is not None:
            kwargs["condition"] = self.condition
        return path, args, kwargs

    def __eq__(self, other):
        return self.deconstruct() == other.deconstruct() if isinstance(other, OneAtATime) else NotImplemented

    __hash__ = BaseConstraint.__hash__


def declared(model: type[Model]) -> Iterator[OneAtATime]:
    """The constraints of this kind that a model has."""
    return (constraint for constraint in model._meta.constraints if isinstance(constraint, OneAtATime))


def trigger_sql(model: type[Model]) -> Iterator[str]:
    """The triggers that keep the constraints of a model, after each statement that writes rows of it.

    Rows are compared once those that they belong to are locked, in the order of their numbers, and by a query of its
    own, which sees what others have committed until then. At the levels above READ COMMITTED it would not, so these
    are refused.
    """
    table = model._meta.db_table
    for constraint in declared(model):
        columns = [model._meta.get_field(key).column for key in constraint.keys]
        whose = model._meta.get_field(constraint.keys[0]).related_model._meta.db_table
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            counts = constraint._index._get_condition_sql(model, editor) or "TRUE"
        same = " AND ".join(f"t.{column} = f.{column}" for column in columns)
        yield f"""
CREATE OR REPLACE FUNCTION {constraint.name}() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM {whose} o WHERE o.id IN (SELECT f.{columns[0]} FROM fresh f WHERE {counts})
      ORDER BY o.id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM (SELECT * FROM fresh WHERE {counts}) f JOIN (SELECT * FROM {table} WHERE {counts}) t
            ON {same} AND t.id <> f.id
           AND t.{constraint.first} <= COALESCE(f.{constraint.last}, 'infinity')
           AND COALESCE(t.{constraint.last}, 'infinity') >= f.{constraint.first}
    ) THEN
        RAISE EXCEPTION '% of % is refused: some days would have two rows.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = '{constraint.name}', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
CREATE OR REPLACE TRIGGER {constraint.name}_new AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION {constraint.name}();
CREATE OR REPLACE TRIGGER {constraint.name}_changed AFTER UPDATE ON {table} REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION {constraint.name}();
"""
