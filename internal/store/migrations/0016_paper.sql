-- How this agency's papers look and whether anybody may ask if one is genuine: one row, or none before it was first set.
CREATE TABLE paper (
  id {ID},
  address TEXT NOT NULL DEFAULT '',
  logo TEXT NOT NULL DEFAULT '',
  public_check BIGINT NOT NULL DEFAULT 0 CHECK (public_check IN (0, 1)),
  changed_at BIGINT NOT NULL
);
-- A paper is asked for by its number.
CREATE INDEX document_number ON document (number);
CREATE INDEX document_supersedes ON document (supersedes_id);
