-- The files of a report are read at its finish, a report's tip at every look-up.
CREATE INDEX IF NOT EXISTS report_file_report ON report_file (report_id);
