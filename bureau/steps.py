"""What is done step by step, often by several people: each process is declared once, as a table of its steps.

A declaration stands beside its model, as `Model.steps`. Of it are made the check and the columns of the service
(`require_step`, `take_step`), the model's constraints (`Steps.constraints`), the trigger that refuses everything else
in raw SQL (`trigger_sql`, installed by `bureau.guards`), the page docs/steps.md, and the proof that record and audit
trail say the same. What a step asks of other rows is not a matter of this table: a guard in SQL says it.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import CheckConstraint, F, Model, Q, TextChoices
from django.utils.functional import Promise

from bureau.errors import DomainError
from bureau.staff import reach

NEW = ""  # before a record is there
GONE = ""  # once it is deleted
ITSELF = ""  # the act of the database alone


@dataclass(frozen=True)
class Another:
    """Four eyes: whoever takes a step is none of those who stand in the fields `than`, and those are known.

    `name` is the constraint's; without one the service alone keeps it. `who`: the field of whoever takes the step,
    where it is not the step's own `by`.
    """

    name: str
    than: tuple[str, ...]
    sentence: Promise
    field: str | None = None
    who: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One act and the states that it leads between. An act may have several steps.

    act: as it stands in the audit trail.
    to: the state after it; None leaves the record in its state.
    by: "approved" sets approved_by and approved_at.
    sets: fields that are filled from then on, beside those of `by`.
    clears: fields that are emptied, given as a `by` or as a field.
    writes: other fields that the step may write. `keeps` instead: all but these.
    refusal: the sentence for a record in another state, where it is not that of the process.
    audited: every one of them has its own entry in the audit trail; rosters and migrations bring some without.
    """

    act: str
    before: tuple[str, ...]
    to: str | None
    by: str = ""
    another: Another | None = None
    sets: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    refusal: Promise | None = None
    audited: bool = True

    @property
    def moves(self) -> list[tuple[str, str]]:
        return [(before, before if self.to is None else self.to) for before in self.before]

    @property
    def marks(self) -> tuple[str, ...]:
        """The fields that are filled once the step was taken."""
        return (*((f"{self.by}_by", f"{self.by}_at") if self.by else ()), *self.sets)

    @property
    def who(self) -> str:
        return (self.another and self.another.who) or f"{self.by}_by"


@dataclass(frozen=True, kw_only=True)
class Codes:
    """What the database calls a refusal.

    step: no step leads there. begins: nor does a record begin so. changed: a step that writes what is not its own.
    stays: a change without a step, a deletion, and whatever is tried in a state of `decided`.
    order: the constraint on what is filled in each state.
    """

    step: str
    order: str = ""
    begins: str = ""
    changed: str = ""
    stays: str = ""
    decided: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """A process. `called` names the record in the database's errors, with its article.

    once: where the record has no status, the field that is filled once it is in the second of its two states.
    owner: the foreign key to the record whose area this one's is, where it has no area of its own.
    refusal: what is said of a record in another state; %(status)s is that, %(needed)s what the act asks for.
    """

    called: str
    states: type[TextChoices]
    steps: tuple[Step, ...]
    codes: Codes
    refusal: Promise
    field: str | None = None
    once: str = ""
    owner: str = ""

    def state(self, record: Model) -> str:
        if not self.once:
            return record.status
        entered, decided = self.states.values
        return entered if getattr(record, self.once) is None else decided

    def leads(self, record: Model, act: str) -> bool:
        """Whether the act may be taken from the record's state; so may any that is no step of the process."""
        return act not in self.acts or any(self.state(record) in step.before for step in self.of(act))

    def of(self, act: str) -> list[Step]:
        found = [step for step in self.steps if step.act == act]
        if not found:
            raise LookupError(act)
        return found

    @cached_property
    def acts(self) -> list[str]:
        return list(dict.fromkeys(step.act for step in self.steps if step.act != ITSELF))

    @cached_property
    def moves(self) -> dict[tuple[str, str], list[Step]]:
        """The steps between two states, in the order of the table."""
        found: dict[tuple[str, str], list[Step]] = {}
        for step in self.steps:
            for move in step.moves:
                found.setdefault(move, []).append(step)
        return found

    @cached_property
    def begun(self) -> frozenset[str]:
        """Fields that a record has from its beginning: no matter of order."""
        return frozenset(field for step in self.steps if NEW in step.before for field in step.marks)

    def cleared(self, step: Step) -> set[str]:
        return {
            field for name in step.clears for field in ((f"{name}_by", f"{name}_at") if self.is_by(name) else [name])
        }

    def is_by(self, name: str) -> bool:
        return any(step.by == name for step in self.steps)

    @cached_property
    def filled(self) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """By state: the fields that are filled whichever way led there, and those that may be."""
        marks = frozenset(field for step in self.steps for field in step.marks) - self.begun
        found = {state: (marks, frozenset[str]()) for state in self.states.values}
        while True:
            now = dict(found)
            for (before, after), steps in self.moves.items():
                for step in steps if after != GONE else ():
                    surely, perhaps = found[before] if before != NEW else (frozenset(), frozenset())
                    gone, made = self.cleared(step), marks & set(step.marks)
                    now[after] = (now[after][0] & (surely - gone | made), now[after][1] | (perhaps - gone) | made)
            if now == found:
                return found
            found = now

    def may_pass(self, step: Step) -> bool:
        """Whether what the step wrote may be gone: a later one writes or empties it, or deletes the record."""
        reached, ahead = set(), [after for _before, after in step.moves]
        while ahead:
            state = ahead.pop()
            if state not in reached:
                reached.add(state)
                ahead += [after for before, after in self.moves if before == state]
        later = [one for (before, _after), found in self.moves.items() if before in reached for one in found]
        written = {field for one in later for field in (*one.marks, *self.cleared(one))}
        return GONE in reached or f"{step.by}_by" in written

    def constraints(self) -> list[CheckConstraint]:
        """For the model: what is filled in each state, and that steps were taken by different people."""
        return [self._order(), *self._eyes()]

    def _order(self) -> CheckConstraint:
        marks = sorted(frozenset().union(*(perhaps for _surely, perhaps in self.filled.values())))
        alike: dict[tuple[tuple[str, bool], ...], list[str]] = {}
        for state, (surely, perhaps) in self.filled.items():
            said = tuple(
                (f"{name}__isnull", name not in surely) for name in marks if name in surely or name not in perhaps
            )
            alike.setdefault(said, []).append(state)
        condition = Q()
        for said, states in alike.items():
            condition |= Q(**dict(said)) if self.once else Q(status__in=states, **dict(said))
        return CheckConstraint(name=self.codes.order, condition=condition)

    def _eyes(self) -> Iterator[CheckConstraint]:
        by_name: dict[str, list[Step]] = {}
        for step in self.steps:
            if step.another is not None and step.another.name:
                by_name.setdefault(step.another.name, []).append(step)
        for name, steps in by_name.items():
            first, another = steps[0], steps[0].another
            condition = Q(**{f"{first.who}__isnull": True})
            # The same field may be another step's, which one person takes.
            if any(first.who in step.marks and step.another is None for step in self.steps):
                condition |= ~Q(status__in=[step.to for step in steps])
            others = Q(**{f"{field}__isnull": False for field in another.than})
            for field in another.than:
                others &= ~Q(**{first.who: F(field)})
            yield CheckConstraint(name=name, condition=condition | others, violation_error_message=another.sentence)


# In services ----------------------------------------------------------------------------------------------------------


def require_step(record: Model, act: str, actor: Model, **params: Any) -> Step:
    """The step that the act takes from the record's state. The caller holds the record's lock.

    Raises DomainError beyond the actor's reach, in another state, and where it is for someone else to take.
    """
    if not record._state.adding:
        reach.require(actor.reach, record)
    steps = record.steps
    known = steps.of(act)
    state = NEW if record._state.adding else steps.state(record)
    step = next((step for step in known if state in step.before), None)
    if step is None:
        needed = ", ".join(str(steps.states(one).label) for step in known for one in step.before if one != NEW)
        told = {"status": steps.states(state).label, "needed": needed} | params
        raise DomainError(known[0].refusal or steps.refusal, **{"field": steps.field} | told)
    if step.another is not None and actor.pk in [getattr(record, f"{field}_id") for field in step.another.than]:
        raise DomainError(step.another.sentence, field=step.another.field)
    return step


def mark_step(record: Model, act: str, actor: Model, now: datetime.datetime, **written: Any) -> list[str]:
    """Check as `require_step`, and set the fields of the step and `written`. Saves nothing.

    Returns the fields that the step may have written, here or before.
    """
    step = require_step(record, act, actor)
    cleared = record.steps.cleared(step)
    said = dict.fromkeys(cleared) | written
    if step.to is not None and not record.steps.once:
        said["status"] = step.to
    if step.by:
        said |= {f"{step.by}_by": actor, f"{step.by}_at": now}
    for name, value in said.items():
        setattr(record, name, value)
    return sorted({*said, *step.sets, *step.writes})


def take_step(record: Model, act: str, actor: Model, now: datetime.datetime, **written: Any) -> None:
    """The same, saved. What the act asks beyond its table has been checked, and its audit entry is the caller's."""
    record.save(update_fields=mark_step(record, act, actor, now, **written))


# In the database ------------------------------------------------------------------------------------------------------

TRIGGER = """\
CREATE OR REPLACE FUNCTION {table}_steps() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before text := '';
    after text := '';
    code text := '{step}';
    same {table};
BEGIN
    IF TG_OP <> 'INSERT' THEN before := {old}; END IF;
    IF TG_OP <> 'DELETE' THEN after := {new}; END IF;
    IF TG_OP = 'UPDATE' AND NEW IS NOT DISTINCT FROM OLD THEN
        RETURN NEW;
    END IF;
    {codes}
    IF (before, after) IN (
        {moves})
    THEN
        IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        CASE before || ' ' || after
{cases}
        END CASE;
        IF same IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
        code := '{changed}';
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN TG_OP = 'INSERT' THEN format('{called} begins as {begins}, not as %s.', after)
        WHEN before = after OR TG_OP = 'DELETE'
        THEN format('%s of %s is refused: what is recorded there stays.', TG_OP, TG_TABLE_NAME)
        ELSE format('{called} cannot go from %s to %s like this.', before, after) END
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = code, TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER allowed_steps BEFORE INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_steps();
"""


def trigger_sql(model: type[Model]) -> str:
    """The function that refuses every move and every column that the model's steps do not name, and its trigger.

    Its name comes first among the triggers of a row, so that the guards after it see only what a step may write.
    """
    steps, codes = model.steps, model.steps.codes
    table = model._meta.db_table
    how = f"CASE WHEN {{row}}.{steps.once} IS NULL THEN '{{0}}' ELSE '{{1}}' END" if steps.once else "{row}.status"
    alike: dict[str, list[str]] = {}
    for (before, after), found in steps.moves.items():
        if before != NEW and after != GONE:
            alike.setdefault(_same(model, found), []).append(f"'{before} {after}'")
    cases = [f"            WHEN {', '.join(moves)} THEN\n{same}" for same, moves in alike.items()]
    said = [f"IF TG_OP = 'INSERT' THEN code := '{codes.begins}'; END IF;"] if codes.begins else []
    if codes.stays:
        decided = "".join(f", '{state}'" for state in codes.decided)
        said.append(f"IF TG_OP = 'DELETE' OR before IN (after{decided}) THEN code := '{codes.stays}'; END IF;")
    return TRIGGER.format(
        table=table,
        step=codes.step,
        changed=codes.changed or codes.step,
        old=how.format(*steps.states.values, row="OLD"),
        new=how.format(*steps.states.values, row="NEW"),
        codes="\n    ".join(said) or "-- one code for all",
        moves=",\n        ".join(f"('{before}', '{after}')" for before, after in steps.moves),
        called=steps.called,
        begins=" or ".join(after for before, after in steps.moves if before == NEW),
        cases="\n".join(cases),
    )


def _same(model: type[Model], steps: list[Step]) -> str:
    """What may differ between the row before and after, taken out of the comparison."""

    def column(name: str) -> str:
        return model._meta.get_field(name).column

    keeps = {column(name) for step in steps for name in step.keeps}
    if keeps:
        lines = ["same := OLD;", *(f"same.{name} := NEW.{name};" for name in sorted({*keeps, "id"}))]
    else:
        written = {name for step in steps for name in (*step.marks, *step.writes, *model.steps.cleared(step))}
        if not model.steps.once:
            written.add("status")
        lines = ["same := NEW;", *(f"same.{name} := OLD.{name};" for name in sorted(map(column, written)))]
    return "\n".join(f"                {line}" for line in lines)
