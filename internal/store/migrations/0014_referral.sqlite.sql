-- Routes by more hints, in steps and for a time; the way of a tip from agency to agency. The CHECK is replaced as in 0008.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (kind IN (''ip'', ''phone'', ''country'', ''any''))', 'CHECK (kind IN (''ip'', ''phone'', ''country'', ''region'', ''asn'', ''address'', ''pin'', ''platform'', ''any''))')
  WHERE type = 'table' AND name = 'route';
PRAGMA writable_schema = RESET;
ALTER TABLE route ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE route ADD COLUMN valid_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE route ADD COLUMN valid_to BIGINT NOT NULL DEFAULT 0;
ALTER TABLE route ADD COLUMN removed_at BIGINT NOT NULL DEFAULT 0;
-- The agency that a chain of referrals began at, with its number: a referral never brings a tip back to where it is.
ALTER TABLE tip ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX tip_onward ON tip (onward_id);
-- Who was responsible for a tip and since when, as far as this node knows. via_id is the referral of ours that it went with, n the
-- addressee's own count of what it told of it.
CREATE TABLE holding (
  id {ID},
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  agency TEXT NOT NULL,
  how TEXT NOT NULL CHECK (how IN ('sent', 'received', 'refused', 'accepted', 'returned', 'held', 'withdrawn')),
  reason TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  document_id BIGINT REFERENCES document (id),
  via_id BIGINT REFERENCES document (id),
  n BIGINT NOT NULL DEFAULT 0,
  at BIGINT NOT NULL
);
CREATE INDEX holding_tip ON holding (tip_id);
-- Referrals and answers to them that were refused: whoever has the signed refusal acts on it, so a late copy is not taken any more.
CREATE TABLE refusal (
  id {ID},
  issuer TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  answer TEXT NOT NULL,
  refused_at BIGINT NOT NULL,
  UNIQUE (issuer, sha256)
);
