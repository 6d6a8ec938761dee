-- A claim is checked with an invoice, approved with the visit that settles it, paid what that says, and taken back with
-- it.

CREATE OR REPLACE FUNCTION settlement_check_claim() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
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

CREATE OR REPLACE TRIGGER claims_rest_on_their_visit BEFORE UPDATE ON settlement_claim
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
    OR NEW.status IN ('approved', 'paid') AND OLD.status <> NEW.status AND NEW.account_confirmed_by_id IS NULL
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
BEGIN
    PERFORM FROM settlement_claim WHERE id = NEW.claim_id FOR SHARE;
    IF NOT EXISTS (
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
END $$;

CREATE OR REPLACE TRIGGER claim_payments_to_confirmed_accounts BEFORE INSERT ON settlement_claimpayment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_claim_payment();
CREATE OR REPLACE TRIGGER claim_payments_stay BEFORE DELETE OR TRUNCATE ON settlement_claimpayment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_claimpayment
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
