-- A filing that is never finished expires; an uploaded file waits as its hashes until the filing is finished, and only then becomes media.
-- What stands in the schema is replaced, as in 0008: the new check allows all that the old one did.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (state IN (''open'', ''finished'', ''retracted''))', 'CHECK (state IN (''open'', ''finished'', ''retracted'', ''expired''))')
  WHERE type = 'table' AND name = 'report';
PRAGMA writable_schema = RESET;
ALTER TABLE report_file ADD COLUMN hashed TEXT NOT NULL DEFAULT '';
CREATE INDEX report_unfinished ON report (opened_at) WHERE state = 'open';
CREATE INDEX report_reporter ON report (reporter, id);
CREATE INDEX report_tip ON report (tip_id);
CREATE INDEX report_file_report ON report_file (report_id);
