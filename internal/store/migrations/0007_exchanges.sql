-- lists that this node offers to others by hash sharing: since when, and when it stopped (microseconds, 0: not)
ALTER TABLE hash_list ADD COLUMN offered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hash_list ADD COLUMN withdrawn_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX list_batch_time ON list_batch (list_id, created_at, id);

-- list_vote: what a member of an offered list says of a content on it; the newest of a member, content and kind counts
CREATE TABLE list_vote (
  id {ID},
  list_id BIGINT NOT NULL REFERENCES hash_list (id),
  content BIGINT NOT NULL,
  kind TEXT NOT NULL,
  member TEXT NOT NULL,
  vote TEXT NOT NULL CHECK (vote IN ('affirmative', 'negative')),
  reasons TEXT NOT NULL DEFAULT '',
  voted_at BIGINT NOT NULL
);
CREATE INDEX list_vote_list ON list_vote (list_id, content);

-- exchange: another party from whom a list is filled. every: seconds between two fetches, 0 only by command
CREATE TABLE exchange (
  id {ID},
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  list_id BIGINT NOT NULL REFERENCES hash_list (id),
  address TEXT NOT NULL,
  settings TEXT NOT NULL DEFAULT '{}',
  every BIGINT NOT NULL DEFAULT 0,
  enabled BIGINT NOT NULL,
  turn BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX exchange_name ON exchange (name) WHERE removed_at = 0;

-- exchange_secret: credentials, sealed under the node's key; they change and are destroyed, so they stand outside the record
CREATE TABLE exchange_secret (owner TEXT PRIMARY KEY, sealed {BYTES} NOT NULL, set_at BIGINT NOT NULL);

-- exchange_step: a page that was taken with its entries, or a failure; the newest one tells where to go on
CREATE TABLE exchange_step (
  id {ID},
  exchange_id BIGINT NOT NULL REFERENCES exchange (id),
  checkpoint TEXT NOT NULL DEFAULT '',
  reached_at BIGINT NOT NULL DEFAULT 0,
  done BIGINT NOT NULL DEFAULT 0,
  added BIGINT NOT NULL DEFAULT 0,
  replaced BIGINT NOT NULL DEFAULT 0,
  removed BIGINT NOT NULL DEFAULT 0,
  aside BIGINT NOT NULL DEFAULT 0,
  failure TEXT NOT NULL DEFAULT '',
  taken_at BIGINT NOT NULL
);
CREATE INDEX exchange_step_exchange ON exchange_step (exchange_id, id);

-- exchange_key: which content stands for an entry of the other party; the newest row of a key counts, content 0: none.
-- stamp: when the other party last changed it
CREATE TABLE exchange_key (
  id {ID},
  batch_id BIGINT NOT NULL REFERENCES exchange_step (id),
  exchange_id BIGINT NOT NULL,
  upstream TEXT NOT NULL,
  content BIGINT NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT '',
  stamp BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX exchange_key_upstream ON exchange_key (exchange_id, upstream, id);
CREATE INDEX exchange_key_batch ON exchange_key (batch_id);
CREATE INDEX exchange_key_content ON exchange_key (content);

-- exchange_aside: what of the other party could not be taken
CREATE TABLE exchange_aside (
  id {ID},
  exchange_id BIGINT NOT NULL REFERENCES exchange (id),
  step_id BIGINT NOT NULL REFERENCES exchange_step (id),
  place TEXT NOT NULL,
  reason TEXT NOT NULL,
  sample TEXT NOT NULL DEFAULT '',
  size BIGINT NOT NULL DEFAULT 0,
  span TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('open', 'taken')),
  set_at BIGINT NOT NULL,
  tried_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX exchange_aside_exchange ON exchange_aside (exchange_id, state);

-- exchange_vote: what this node says to the other party of an entry of theirs
CREATE TABLE exchange_vote (
  id {ID},
  exchange_id BIGINT NOT NULL REFERENCES exchange (id),
  content BIGINT NOT NULL,
  upstream TEXT NOT NULL,
  kind TEXT NOT NULL,
  vote TEXT NOT NULL CHECK (vote IN ('affirmative', 'negative')),
  reasons TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'refused')),
  failure TEXT NOT NULL DEFAULT '',
  voted_at BIGINT NOT NULL,
  sent_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX exchange_vote_exchange ON exchange_vote (exchange_id);
