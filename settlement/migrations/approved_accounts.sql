-- What was approved is what is paid: lines and claims name the account, and orders to the bank follow them.

-- Runs: as before, and approved and paid only where each line that pays names the account that counts -------------

CREATE FUNCTION settlement_check_run_accounts() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM settlement_line l JOIN institutions_institution i ON i.id = l.institution_id
         WHERE l.run_id = NEW.id AND l.to_pay > 0
           AND (l.account_name, l.bank_name, l.bank_account) <> (i.account_name, i.bank_name, i.bank_account)) THEN
        RAISE EXCEPTION 'An account of the run is not the one that counts: it is not %.', NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_accounts';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER runs_to_approved_accounts BEFORE UPDATE OF status ON settlement_run
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NEW.status IN ('approved', 'paid'))
    EXECUTE FUNCTION settlement_check_run_accounts();

-- Lines move only while their run is computed. The run's row is held, so that nobody submits it meanwhile. Of an
-- approved run, the account alone is approved anew, and only as the institution has it.
CREATE OR REPLACE FUNCTION settlement_check_line() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    runs bigint[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.run_id] WHEN 'DELETE' THEN ARRAY[OLD.run_id]
                     ELSE ARRAY[OLD.run_id, NEW.run_id] END;
    same settlement_line;
BEGIN
    PERFORM FROM settlement_run WHERE id = ANY (runs) ORDER BY id FOR SHARE;
    IF TG_OP = 'UPDATE' THEN
        same := NEW;
        same.account_name := OLD.account_name;
        same.bank_name := OLD.bank_name;
        same.bank_account := OLD.bank_account;
        IF same IS NOT DISTINCT FROM OLD AND EXISTS (
            SELECT FROM settlement_run r, institutions_institution i
             WHERE r.id = NEW.run_id AND r.status = 'approved' AND i.id = NEW.institution_id
               AND (i.account_name, i.bank_name, i.bank_account)
                 = (NEW.account_name, NEW.bank_name, NEW.bank_account)) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF EXISTS (SELECT FROM settlement_run WHERE id = ANY (runs) AND status <> 'computed') THEN
        RAISE EXCEPTION 'The lines of a submitted run do not change.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lines_stay';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

-- Orders to the bank: the first goes where the line says, one that takes a returned one's place where the institution
-- is paid now. An order is only ever returned.
CREATE OR REPLACE FUNCTION settlement_check_payment() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same settlement_payment;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
                        WHERE l.id = NEW.line_id AND r.status IN ('approved', 'paid')) THEN
            RAISE EXCEPTION 'Only an approved run is paid.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_of_approved_run';
        END IF;
        IF NEW.status = 'returned' OR NOT EXISTS (
            SELECT FROM settlement_line l JOIN institutions_institution i ON i.id = l.institution_id
             WHERE l.id = NEW.line_id AND (NEW.account_name, NEW.bank_name, NEW.bank_account) = CASE NEW.status
                   WHEN 'ordered' THEN (l.account_name, l.bank_name, l.bank_account)
                   ELSE (i.account_name, i.bank_name, i.bank_account) END) THEN
            RAISE EXCEPTION 'Money goes to the account that was approved.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_to_approved_account';
        END IF;
        IF NEW.status = 'reissued' AND NOT EXISTS (
            SELECT FROM settlement_payment p WHERE p.line_id = NEW.line_id AND p.fund = NEW.fund
               AND p.amount = NEW.amount AND p.status = 'returned') THEN
            RAISE EXCEPTION 'Only what the bank returned is ordered again.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_after_return';
        END IF;
        RETURN NEW;
    END IF;
    same := NEW;
    same.status := OLD.status;
    same.note := OLD.note;
    IF same IS DISTINCT FROM OLD OR (OLD.status = 'returned' AND NEW IS DISTINCT FROM OLD)
    OR (OLD.status <> NEW.status AND NEW.status <> 'returned') THEN
        RAISE EXCEPTION 'An order to the bank is returned, never rewritten.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_stays';
    END IF;
    RETURN NEW;
END $$;

-- Claims: another account after the approval waits until another person has confirmed it ---------------------------

CREATE FUNCTION settlement_check_claim_account() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE changed boolean := (OLD.pay_to, OLD.account_name, OLD.bank_name, OLD.bank_account, OLD.account_by_id)
           IS DISTINCT FROM (NEW.pay_to, NEW.account_name, NEW.bank_name, NEW.bank_account, NEW.account_by_id);
BEGIN
    IF NEW.status IN ('approved', 'paid') AND OLD.status = NEW.status AND changed
       AND NEW.account_confirmed_by_id IS NOT NULL
    OR NEW.status = 'approved' AND OLD.status <> 'approved' AND NEW.account_confirmed_by_id IS NULL
    OR NEW.status = 'paid' AND OLD.status <> 'paid' AND (changed OR NEW.account_confirmed_by_id IS NULL
       OR NEW.account_confirmed_by_id IS DISTINCT FROM OLD.account_confirmed_by_id)
    THEN
        RAISE EXCEPTION 'An account that is named after the approval waits for another person.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_account_confirmed';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER claims_to_confirmed_accounts BEFORE UPDATE ON settlement_claim
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim_account();

-- The steps of a claim as before; what a step may write has the account's name and who confirmed it beside it.
CREATE OR REPLACE FUNCTION settlement_check_claim() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same settlement_claim;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'received' OR NEW.checked_by_id IS NOT NULL THEN
            RAISE EXCEPTION 'A claim begins as received, not as %.', NEW.status
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_step';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (
        ('received', 'received'), ('received', 'checked'), ('received', 'returned'), ('received', 'refused'),
        ('returned', 'received'), ('returned', 'refused'),
        ('checked', 'approved'), ('checked', 'returned'), ('checked', 'refused'),
        ('approved', 'approved'), ('approved', 'paid'), ('approved', 'reversed'),
        ('paid', 'paid'), ('paid', 'reversed')) THEN
        RAISE EXCEPTION 'A claim cannot go from % to %.', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_step';
    END IF;

    -- What each step may write; everything else is as it was.
    same := NEW;
    same.status := OLD.status;
    IF NEW.status = 'received' THEN
        same := OLD;
        same.key := NEW.key;
        same.request_hash := NEW.request_hash;
        same.area_id := NEW.area_id;
        same.member_id := NEW.member_id;
        same.checked_by_id := coalesce(NEW.checked_by_id, OLD.checked_by_id);
    ELSIF NEW.status = 'checked' THEN
        same.checked_by_id := OLD.checked_by_id;
        same.checked_at := OLD.checked_at;
    ELSIF NEW.status = OLD.status THEN
        same.pay_to := OLD.pay_to;
        same.account_name := OLD.account_name;
        same.bank_name := OLD.bank_name;
        same.bank_account := OLD.bank_account;
        same.account_by_id := OLD.account_by_id;
        same.account_confirmed_by_id := OLD.account_confirmed_by_id;
    ELSIF NEW.status = 'approved' THEN
        same.approved_by_id := OLD.approved_by_id;
        same.approved_at := OLD.approved_at;
        same.visit_id := OLD.visit_id;
        same.account_name := OLD.account_name;
        same.account_confirmed_by_id := OLD.account_confirmed_by_id;
    ELSIF NEW.status = 'paid' THEN
        same.paid_by_id := OLD.paid_by_id;
        same.paid_at := OLD.paid_at;
    ELSE
        same.closed_by_id := OLD.closed_by_id;
        same.closed_at := OLD.closed_at;
        same.reason := OLD.reason;
        IF NEW.status = 'returned' THEN
            same.checked_by_id := OLD.checked_by_id;
            same.checked_at := OLD.checked_at;
        END IF;
    END IF;
    IF same IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'This step of a claim does not change what was entered.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_stays';
    END IF;

    IF NEW.status = 'checked'
    AND NOT EXISTS (SELECT FROM settlement_invoice i WHERE i.claim_id = NEW.id AND i.freed_at IS NULL) THEN
        RAISE EXCEPTION 'A claim without an invoice is not checked.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_has_invoice';
    ELSIF NEW.status = 'approved' AND NOT EXISTS (
        SELECT FROM settlement_visit v
         WHERE v.id = NEW.visit_id AND v.payee_id IS NULL AND v.reverses_id IS NULL AND v.key = 'claim:' || NEW.id
           AND (v.area_id, v.member_id, v.institution_id, v.encounter, v.care_on, v.channel, v.total, v.own_expense,
                v.over_limit, v.first_self, v.in_policy, v.general_fee)
             = (NEW.area_id, NEW.member_id, NEW.institution_id, NEW.encounter, NEW.care_on, NEW.channel, NEW.total,
                NEW.own_expense, NEW.over_limit, NEW.first_self, NEW.in_policy, NEW.general_fee)) THEN
        RAISE EXCEPTION 'A claim is approved with the visit that settles it.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_settled_by_its_visit';
    ELSIF NEW.status = 'paid'
    AND (SELECT coalesce(sum(p.amount), 0) FROM settlement_claimpayment p WHERE p.claim_id = NEW.id)
        IS DISTINCT FROM (SELECT v.pooled + v.large_claims FROM settlement_visit v WHERE v.id = NEW.visit_id)
    AND OLD.status = 'approved' THEN
        RAISE EXCEPTION 'A claim is paid what its visit says.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_paid_its_amount';
    ELSIF NEW.status = 'reversed'
    AND NOT EXISTS (SELECT FROM settlement_visit v WHERE v.reverses_id = NEW.visit_id) THEN
        RAISE EXCEPTION 'A claim is taken back with its visit.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_reversed_with_its_visit';
    END IF;
    RETURN NEW;
END $$;

-- Payments of claims: to the account that was confirmed, holder included.
CREATE OR REPLACE FUNCTION settlement_check_claim_payment() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same settlement_claimpayment;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM settlement_claim WHERE id = NEW.claim_id FOR SHARE;
        IF NEW.status = 'returned' OR NOT EXISTS (
            SELECT FROM settlement_claim c JOIN settlement_visit v ON v.id = c.visit_id
             WHERE c.id = NEW.claim_id AND c.status IN ('approved', 'paid')
               AND (NEW.account_name, NEW.bank_name, NEW.bank_account) = (c.account_name, c.bank_name, c.bank_account)
               AND c.account_confirmed_by_id IS NOT NULL
               AND NEW.ordered_by_id NOT IN (c.entered_by_id, c.account_by_id)
               AND NEW.amount = CASE NEW.fund WHEN 'large_claims' THEN v.large_claims WHEN v.pool THEN v.pooled END) THEN
            RAISE EXCEPTION 'Only what was approved is paid, and to the account of the claim.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'claim_payment_of_approved';
        END IF;
        RETURN NEW;
    END IF;
    same := NEW;
    same.status := OLD.status;
    same.note := OLD.note;
    IF same IS DISTINCT FROM OLD OR (OLD.status = 'returned' AND NEW IS DISTINCT FROM OLD)
    OR (OLD.status <> NEW.status AND NEW.status <> 'returned') THEN
        RAISE EXCEPTION 'An order to the bank is returned, never rewritten.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_stays';
    END IF;
    RETURN NEW;
END $$;
