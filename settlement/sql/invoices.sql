-- Invoices: freed only with what used them. A row whose visit was never written belongs to a bill turned away.
CREATE OR REPLACE FUNCTION settlement_check_invoice() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE OR REPLACE TRIGGER invoices_stay BEFORE INSERT OR UPDATE OR DELETE ON settlement_invoice
    FOR EACH ROW EXECUTE FUNCTION settlement_check_invoice();
CREATE OR REPLACE TRIGGER invoices_not_truncated BEFORE TRUNCATE ON settlement_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
