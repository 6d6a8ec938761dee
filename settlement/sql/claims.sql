-- A claim by hand goes received -> checked -> approved -> paid; what was approved stays, and an invoice stands once.

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

CREATE OR REPLACE TRIGGER claims_step_by_step BEFORE INSERT OR UPDATE ON settlement_claim
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim();
CREATE OR REPLACE TRIGGER claims_stay BEFORE DELETE OR TRUNCATE ON settlement_claim
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_claim
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Another account after the approval waits until another person has confirmed it.
CREATE OR REPLACE FUNCTION settlement_check_claim_account() RETURNS trigger LANGUAGE plpgsql
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

CREATE OR REPLACE TRIGGER claims_to_confirmed_accounts BEFORE UPDATE ON settlement_claim
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim_account();

-- Payments: to the account that was confirmed, holder included, out of each fund what its visit says, by another person
-- than who entered the account. The claim's row is held, so that it does not change meanwhile.
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

CREATE OR REPLACE TRIGGER claim_payments_step_by_step BEFORE INSERT OR UPDATE ON settlement_claimpayment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim_payment();
CREATE OR REPLACE TRIGGER claim_payments_stay BEFORE DELETE OR TRUNCATE ON settlement_claimpayment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_claimpayment
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
