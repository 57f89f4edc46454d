-- record: what an entry is about, for erasure, history and batches
CREATE INDEX record_entry_about ON record_entry (object, object_id);

-- the records of other agencies, as their checkpoints kept here (table witness) tell of them
CREATE TABLE counterpart (
  id {ID},
  agency TEXT NOT NULL UNIQUE,
  origin TEXT NOT NULL DEFAULT '',
  record_key TEXT NOT NULL DEFAULT '',
  checkpoint TEXT NOT NULL DEFAULT '',
  size BIGINT NOT NULL DEFAULT 0,
  witness_id BIGINT NOT NULL DEFAULT 0,
  compared_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX witness_agency ON witness (agency, id);
CREATE TABLE contradiction (
  id {ID},
  agency TEXT NOT NULL,
  kept TEXT NOT NULL,
  shown TEXT NOT NULL,
  reason TEXT NOT NULL,
  found_at BIGINT NOT NULL
);
CREATE TABLE record_timestamp (
  id {ID},
  size BIGINT NOT NULL,
  authority TEXT NOT NULL,
  token TEXT NOT NULL,
  stamped_at BIGINT NOT NULL
);

-- vault: the table blob holds wrapped keys, which change as the node's key does and are destroyed; it stands outside the record
-- and is proven by opening. vault_blob is the recorded account of the same blobs, and of those that were destroyed.
ALTER TABLE blob ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
CREATE INDEX blob_key ON blob (key_id);
CREATE TABLE vault_blob (
  id {ID},
  name TEXT NOT NULL UNIQUE,
  size BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('kept', 'shredded')),
  kept_at BIGINT NOT NULL,
  retain_until BIGINT NOT NULL DEFAULT 0,
  damage TEXT NOT NULL DEFAULT '',
  damaged_at BIGINT NOT NULL DEFAULT 0,
  shredded_at BIGINT NOT NULL DEFAULT 0,
  shredded_by TEXT NOT NULL DEFAULT '',
  shred_basis TEXT NOT NULL DEFAULT ''
);
CREATE INDEX vault_blob_due ON vault_blob (retain_until) WHERE retain_until > 0;
CREATE TABLE vault_hold (
  id {ID},
  blob_id BIGINT NOT NULL REFERENCES vault_blob (id),
  basis TEXT NOT NULL,
  placed_by TEXT NOT NULL,
  placed_at BIGINT NOT NULL,
  released_at BIGINT NOT NULL DEFAULT 0,
  released_by TEXT NOT NULL DEFAULT '',
  release_basis TEXT NOT NULL DEFAULT ''
);
CREATE INDEX vault_hold_blob ON vault_hold (blob_id);
CREATE TABLE vault_key (
  id {ID},
  key_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('current', 'retiring', 'retired')),
  created_at BIGINT NOT NULL,
  retired_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE vault_scrub (
  id {ID},
  started_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL DEFAULT 0,
  position TEXT NOT NULL DEFAULT '',
  blobs BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  damaged BIGINT NOT NULL DEFAULT 0
);
