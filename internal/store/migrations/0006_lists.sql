-- lists: the field's clients know a list by its bank name; removed rows stay, since what matched them stays on record
ALTER TABLE hash_list ADD COLUMN bank TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_list ADD COLUMN provenance TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_list ADD COLUMN scheme TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_list ADD COLUMN scheme_version TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_list ADD COLUMN threshold BIGINT;
ALTER TABLE hash_list ADD COLUMN share BIGINT;
ALTER TABLE hash_list ADD COLUMN removed_at BIGINT NOT NULL DEFAULT 0;

-- content: the entry that stands first among those of one picture or film, 0 for an entry by itself
ALTER TABLE list_entry ADD COLUMN content BIGINT NOT NULL DEFAULT 0;
CREATE INDEX list_entry_batch ON list_entry (batch_id);
CREATE INDEX list_entry_content ON list_entry (content) WHERE content > 0;
CREATE INDEX list_batch_list ON list_batch (list_id);

-- list_change: what became of an entry, in the order of its numbers. until: microseconds, 0 for ever
CREATE TABLE list_change (
  id {ID},
  batch_id BIGINT NOT NULL REFERENCES list_batch (id),
  entry BIGINT NOT NULL REFERENCES list_entry (id),
  act TEXT NOT NULL CHECK (act IN ('removed', 'disabled', 'enabled', 'noted', 'described')),
  value TEXT NOT NULL DEFAULT '',
  until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX list_change_entry ON list_change (entry);
CREATE INDEX list_change_batch ON list_change (batch_id);

-- list_kind: of a kind of hash, in how many look-ups it takes part, in millionths; without a row, in all
CREATE TABLE list_kind (id {ID}, kind TEXT NOT NULL UNIQUE, share BIGINT NOT NULL);

-- screen_rule: what to do with an upload that is on a list. list_id NULL: any list; label '': any label
CREATE TABLE screen_rule (
  id {ID},
  list_id BIGINT REFERENCES hash_list (id),
  label TEXT NOT NULL DEFAULT '',
  certainty TEXT NOT NULL CHECK (certainty IN ('exact', 'perceptual')),
  decision TEXT NOT NULL CHECK (decision IN ('allow', 'hold', 'block')),
  removed_at BIGINT NOT NULL DEFAULT 0
);
