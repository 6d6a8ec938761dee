ALTER TABLE bureau_change ALTER COLUMN connected_as SET DEFAULT SESSION_USER;

-- What uploads changed before there was a history is told by the entry of their loading, in a transaction of a number
-- below zero.
INSERT INTO bureau_change (transaction, at, table_name, first_row, last_row, before, after)
SELECT -f.upload_id, u.uploaded_at, f."table", f."row", f."row", f.before, f.after
  FROM bureau_uploadeffect f JOIN bureau_upload u ON u.id = f.upload_id ORDER BY f.id;
ALTER TABLE bureau_auditentry DISABLE TRIGGER audit_entries_stay;
UPDATE bureau_auditentry e
   SET transaction = c.transaction, began_at = c.at, last_change = c.last
  FROM (SELECT transaction, at, max(id) AS last FROM bureau_change GROUP BY 1, 2) c
 WHERE e.action = 'upload.load' AND e.record_type = 'bureau.upload' AND e.record_id = (-c.transaction)::text;
ALTER TABLE bureau_auditentry ENABLE TRIGGER audit_entries_stay;
