-- Where a line of a complaint stood, what of it was a formula, and what a person made of it; empty is what a line had before.
ALTER TABLE complaint_line ADD COLUMN sheet TEXT NOT NULL DEFAULT '';
ALTER TABLE complaint_line ADD COLUMN sheet_row BIGINT NOT NULL DEFAULT 0;
ALTER TABLE complaint_line ADD COLUMN formulas TEXT NOT NULL DEFAULT '';
ALTER TABLE complaint_line ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE complaint_line ADD COLUMN heading BIGINT NOT NULL DEFAULT 0;
ALTER TABLE complaint_line ADD COLUMN correction TEXT NOT NULL DEFAULT '';
ALTER TABLE complaint_line ADD COLUMN corrected_by BIGINT;
ALTER TABLE complaint_line ADD COLUMN corrected_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX complaint_line_complaint ON complaint_line (complaint_id, n);

-- What came through the public form, as it was written. number and secret are what the reporter asks with; of the secret only a hash is here.
CREATE TABLE form_report (
  id {ID},
  number TEXT NOT NULL UNIQUE,
  secret_hash TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'entered', 'discarded')),
  held_for TEXT NOT NULL DEFAULT '', -- why a person looks at it first
  class TEXT NOT NULL,
  danger BIGINT NOT NULL DEFAULT 0,
  language TEXT NOT NULL DEFAULT '',
  what TEXT NOT NULL DEFAULT '',
  happened TEXT NOT NULL DEFAULT '', -- when, in the reporter's words
  contact TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '', -- of a discarded one
  decided_by BIGINT,
  decided_at BIGINT NOT NULL DEFAULT 0,
  received_at BIGINT NOT NULL
);
CREATE INDEX form_report_state ON form_report (state);
CREATE TABLE form_address (
  id {ID},
  form_id BIGINT NOT NULL REFERENCES form_report (id),
  n BIGINT NOT NULL,
  typed TEXT NOT NULL,
  tip_id BIGINT REFERENCES tip (id)
);
CREATE INDEX form_address_form ON form_address (form_id, n);
-- A reporter asks how the tips of a form stand by its number, which is their external reference.
CREATE INDEX tip_form_reference ON tip (external_ref);
