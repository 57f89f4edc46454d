-- A filing that is never finished expires; an uploaded file waits as its hashes until the filing is finished, and only then becomes media.
ALTER TABLE report DROP CONSTRAINT report_state_check;
ALTER TABLE report ADD CONSTRAINT report_state_check CHECK (state IN ('open', 'finished', 'retracted', 'expired'));
ALTER TABLE report_file ADD COLUMN hashed TEXT NOT NULL DEFAULT '';
CREATE INDEX report_unfinished ON report (opened_at) WHERE state = 'open';
CREATE INDEX report_reporter ON report (reporter, id);
CREATE INDEX report_tip ON report (tip_id);
CREATE INDEX report_file_report ON report_file (report_id);
