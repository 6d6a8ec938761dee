-- A claim by hand goes received -> checked -> approved -> paid; what was approved stays, and an invoice stands once.

CREATE FUNCTION settlement_check_claim() RETURNS trigger LANGUAGE plpgsql AS $$
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
        same.bank_name := OLD.bank_name;
        same.bank_account := OLD.bank_account;
        same.account_by_id := OLD.account_by_id;
    ELSIF NEW.status = 'approved' THEN
        same.approved_by_id := OLD.approved_by_id;
        same.approved_at := OLD.approved_at;
        same.visit_id := OLD.visit_id;
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

CREATE TRIGGER claims_step_by_step BEFORE INSERT OR UPDATE ON settlement_claim
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim();
CREATE TRIGGER claims_stay BEFORE DELETE OR TRUNCATE ON settlement_claim
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();

-- Payments: to the account that the claim names, out of each fund what its visit says, by another person than who
-- entered the account. The claim's row is held, so that it does not change meanwhile.
CREATE FUNCTION settlement_check_claim_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same settlement_claimpayment;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM settlement_claim WHERE id = NEW.claim_id FOR SHARE;
        IF NEW.status = 'returned' OR NOT EXISTS (
            SELECT FROM settlement_claim c JOIN settlement_visit v ON v.id = c.visit_id
             WHERE c.id = NEW.claim_id AND c.status IN ('approved', 'paid')
               AND (NEW.bank_name, NEW.bank_account) = (c.bank_name, c.bank_account)
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

CREATE TRIGGER claim_payments_step_by_step BEFORE INSERT OR UPDATE ON settlement_claimpayment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim_payment();
CREATE TRIGGER claim_payments_stay BEFORE DELETE OR TRUNCATE ON settlement_claimpayment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();

-- Invoices: freed only with what used them. A row whose visit was never written belongs to a bill turned away.
CREATE FUNCTION settlement_check_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same settlement_invoice;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.claim_id IS NOT NULL OR EXISTS (SELECT FROM settlement_visit v WHERE v.id = OLD.visit_id) THEN
            RAISE EXCEPTION 'An invoice that was used stays in the register.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'invoice_stays';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.freed_at IS NOT NULL
        OR EXISTS (SELECT FROM settlement_claim c WHERE c.id = NEW.claim_id AND c.status NOT IN ('received', 'returned'))
        THEN
            RAISE EXCEPTION 'Invoices are entered with their claim.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'invoice_stays';
        END IF;
        RETURN NEW;
    END IF;
    same := NEW;
    same.freed_at := OLD.freed_at;
    IF same IS DISTINCT FROM OLD OR OLD.freed_at IS NOT NULL OR NEW.freed_at IS NULL
    OR EXISTS (SELECT FROM settlement_claim c
                WHERE c.id = OLD.claim_id AND c.status IN ('checked', 'approved', 'paid'))
    OR (OLD.visit_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM settlement_visit v WHERE v.reverses_id = OLD.visit_id)) THEN
        RAISE EXCEPTION 'An invoice is freed only with what used it.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'invoice_stays';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER invoices_stay BEFORE INSERT OR UPDATE OR DELETE ON settlement_invoice
    FOR EACH ROW EXECUTE FUNCTION settlement_check_invoice();
CREATE TRIGGER invoices_not_truncated BEFORE TRUNCATE ON settlement_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
