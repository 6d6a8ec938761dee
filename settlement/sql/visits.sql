-- What is settled stays; a reversal is a visit of its own.

CREATE OR REPLACE TRIGGER visits_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_visit
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_visit
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
CREATE OR REPLACE TRIGGER visit_payments_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_visitpayment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_visitpayment
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
