-- The files of a report are read at its finish.
CREATE INDEX IF NOT EXISTS report_file_report ON report_file (report_id);

-- filing_destination: another holder of a CyberTipline API with whom this node files. media: it may be sent the files themselves.
-- repeats: it knows Idempotency-Key, as nodes of this program do.
CREATE TABLE filing_destination (id {ID}, name TEXT NOT NULL, address TEXT NOT NULL, test BIGINT NOT NULL DEFAULT 0, media BIGINT NOT NULL DEFAULT 0, repeats BIGINT NOT NULL DEFAULT 0,
  reporter TEXT NOT NULL DEFAULT '', created_at BIGINT NOT NULL, removed_at BIGINT NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX filing_destination_name ON filing_destination (name) WHERE removed_at = 0;
-- filing_secret: credentials, sealed under the node's key; they change and are destroyed, so they stand outside the record
CREATE TABLE filing_secret (destination_id BIGINT PRIMARY KEY, sealed {BYTES} NOT NULL, set_at BIGINT NOT NULL);

-- filing: a tip on its way to a destination. turn counts the steps, round the reports that were opened for it there.
CREATE TABLE filing (
  id {ID},
  destination_id BIGINT NOT NULL REFERENCES filing_destination (id),
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  idempotency TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('prepared', 'submitting', 'submitted', 'finishing', 'retracting', 'finished', 'retracted', 'failed')),
  report BIGINT NOT NULL DEFAULT 0,
  turn BIGINT NOT NULL DEFAULT 0,
  round BIGINT NOT NULL DEFAULT 0,
  abandoned BIGINT NOT NULL DEFAULT 0,
  ending TEXT NOT NULL DEFAULT '' CHECK (ending IN ('', 'again', 'retracted', 'failed')),
  failure TEXT NOT NULL DEFAULT '',
  prepared_by BIGINT,
  prepared_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX filing_once ON filing (destination_id, tip_id) WHERE state NOT IN ('retracted', 'failed');
CREATE INDEX filing_tip ON filing (tip_id);
CREATE TABLE filing_file (
  id {ID},
  filing_id BIGINT NOT NULL REFERENCES filing (id),
  media_id BIGINT NOT NULL REFERENCES media (id),
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  details TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'described')),
  file TEXT NOT NULL DEFAULT ''
);
CREATE INDEX filing_file_filing ON filing_file (filing_id);

-- media.viewed: whether the provider that reported a file has looked at it: yes, no, unknown, or empty for a file that no provider reported.
ALTER TABLE media ADD COLUMN viewed TEXT NOT NULL DEFAULT '' CHECK (viewed IN ('', 'yes', 'no', 'unknown'));
-- legal_process: on what a file may be opened that its provider has not looked at.
CREATE TABLE legal_process (id {ID}, media_id BIGINT NOT NULL REFERENCES media (id), kind TEXT NOT NULL CHECK (kind IN ('warrant', 'consent', 'exigency')), number TEXT NOT NULL DEFAULT '',
  issued_by TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', issued_at BIGINT NOT NULL, entered_by BIGINT NOT NULL, entered_at BIGINT NOT NULL);
CREATE INDEX legal_process_media ON legal_process (media_id);
-- opening.basis: on what the law let it be opened.
ALTER TABLE opening ADD COLUMN basis TEXT NOT NULL DEFAULT '';
