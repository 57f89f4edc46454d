-- Every entry of another agency that this node has taken, so that a document is judged by what was known when it came.
CREATE TABLE peer_entry (
  id {ID},
  peer_id BIGINT NOT NULL REFERENCES peer (id),
  version BIGINT NOT NULL,
  root TEXT NOT NULL,
  jws TEXT NOT NULL,
  taken_at BIGINT NOT NULL,
  UNIQUE (peer_id, root, version)
);
