-- Times are microseconds UTC; 0 or NULL: not yet. {ID} and {BYTES} are what the engines spell differently.

-- record
CREATE TABLE record_entry (
  id {ID},
  leaf BIGINT UNIQUE,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  object_id BIGINT NOT NULL,
  occurred_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  public TEXT NOT NULL,
  sealed TEXT,
  salt {BYTES},
  sealed_hash {BYTES} NOT NULL
);
CREATE INDEX record_entry_fresh ON record_entry (id) WHERE leaf IS NULL;
CREATE INDEX record_entry_object ON record_entry (object, recorded_at);
CREATE TABLE record_hash (id BIGINT PRIMARY KEY, hash {BYTES} NOT NULL);
CREATE TABLE record_checkpoint (size BIGINT PRIMARY KEY, note TEXT NOT NULL, signed_at BIGINT NOT NULL);

-- vault
CREATE TABLE blob (name TEXT PRIMARY KEY, wrapped {BYTES} NOT NULL, size BIGINT NOT NULL, created_at BIGINT NOT NULL);

-- identity: credential, session and reply are no facts of the work and stand outside the record
CREATE TABLE person (
  id {ID},
  username TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  roles TEXT NOT NULL DEFAULT '',
  officer_rank TEXT NOT NULL DEFAULT '',
  authorisation_ref TEXT NOT NULL DEFAULT '',
  kid TEXT NOT NULL DEFAULT '',
  public_key TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  disabled_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE credential (person_id BIGINT PRIMARY KEY REFERENCES person (id), password_hash TEXT NOT NULL, sealed_key {BYTES});
CREATE TABLE session (token_hash TEXT PRIMARY KEY, person_id BIGINT NOT NULL REFERENCES person (id), created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL);
CREATE TABLE reply (idempotency_key TEXT NOT NULL, person_id BIGINT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (idempotency_key, person_id));

-- directory
CREATE TABLE own_entry (id {ID}, version BIGINT NOT NULL UNIQUE, jws TEXT NOT NULL, issued_at BIGINT NOT NULL);
CREATE TABLE peer (
  id {ID},
  agency TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL DEFAULT '',
  url TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  desks TEXT NOT NULL DEFAULT '',
  instruments TEXT NOT NULL DEFAULT '',
  version BIGINT NOT NULL DEFAULT 0,
  entry TEXT NOT NULL DEFAULT '',
  updated_at BIGINT NOT NULL
);

-- courier
CREATE TABLE document (
  id {ID},
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  instrument TEXT NOT NULL,
  jti TEXT NOT NULL,
  number TEXT NOT NULL,
  version BIGINT NOT NULL DEFAULT 1,
  supersedes_id BIGINT REFERENCES document (id),
  in_reply_to TEXT NOT NULL DEFAULT '',
  issuer TEXT NOT NULL,
  audience TEXT NOT NULL,
  case_id BIGINT,
  state TEXT NOT NULL CHECK (state IN ('draft', 'authorised', 'served', 'acknowledged', 'refused', 'received', 'accepted', 'answered', 'complied', 'partially_complied', 'closed', 'undeliverable')),
  subject TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '',
  jws TEXT NOT NULL DEFAULT '',
  sha256 TEXT NOT NULL DEFAULT '',
  rule_id TEXT NOT NULL DEFAULT '',
  rule TEXT NOT NULL DEFAULT '',
  drafted_by BIGINT,
  authorised_by BIGINT,
  signatory TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  authorised_at BIGINT NOT NULL DEFAULT 0,
  received_at BIGINT NOT NULL DEFAULT 0,
  due_at BIGINT NOT NULL DEFAULT 0,
  answered_at BIGINT NOT NULL DEFAULT 0,
  acknowledgement TEXT NOT NULL DEFAULT '',
  refusal_code TEXT NOT NULL DEFAULT '',
  refusal TEXT NOT NULL DEFAULT '',
  UNIQUE (direction, issuer, jti)
);
CREATE INDEX document_case ON document (case_id);
CREATE INDEX document_reply ON document (in_reply_to);
CREATE TABLE document_item (
  id {ID},
  document_id BIGINT NOT NULL REFERENCES document (id),
  n BIGINT NOT NULL,
  kind TEXT NOT NULL,
  locator TEXT NOT NULL,
  native_id TEXT NOT NULL DEFAULT '',
  account_id BIGINT,
  tip_id BIGINT,
  action TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('pending', 'preserved', 'removed', 'account_suspended', 'not_found', 'already_removed', 'refused', 'produced', 'nothing_held', 'accepted', 'returned', 'reported')),
  reason TEXT NOT NULL DEFAULT '',
  effected_at BIGINT NOT NULL DEFAULT 0,
  verified TEXT NOT NULL DEFAULT '' CHECK (verified IN ('', 'gone', 'still_there')),
  verified_at BIGINT NOT NULL DEFAULT 0,
  UNIQUE (document_id, n)
);
CREATE TABLE witness (id {ID}, agency TEXT NOT NULL, checkpoint TEXT NOT NULL, received_at BIGINT NOT NULL);

-- platforms
CREATE TABLE platform (id {ID}, host TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL, base_url TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE TABLE platform_secret (host TEXT PRIMARY KEY, token TEXT NOT NULL);
CREATE TABLE account (
  id {ID},
  host TEXT NOT NULL,
  handle TEXT NOT NULL,
  native_id TEXT NOT NULL DEFAULT '',
  url TEXT NOT NULL,
  display_name TEXT NOT NULL DEFAULT '',
  bio TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('unseen', 'live', 'gone')),
  opened_at BIGINT NOT NULL DEFAULT 0,
  first_seen_at BIGINT NOT NULL,
  looked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX account_handle ON account (host, handle);
CREATE INDEX account_native ON account (host, native_id);
CREATE TABLE post (
  id {ID},
  account_id BIGINT NOT NULL REFERENCES account (id),
  native_id TEXT NOT NULL,
  url TEXT NOT NULL,
  posted_at BIGINT NOT NULL,
  content TEXT NOT NULL DEFAULT '',
  language TEXT NOT NULL DEFAULT '',
  seen_at BIGINT NOT NULL,
  UNIQUE (account_id, native_id)
);
CREATE TABLE media (
  id {ID},
  post_id BIGINT REFERENCES post (id),
  native_id TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL DEFAULT '',
  sha256 TEXT NOT NULL DEFAULT '',
  md5 TEXT NOT NULL DEFAULT '',
  pdq TEXT NOT NULL DEFAULT '',
  quality BIGINT NOT NULL DEFAULT 0,
  profile TEXT NOT NULL DEFAULT '',
  frames TEXT NOT NULL DEFAULT '',
  size BIGINT NOT NULL DEFAULT 0,
  failure TEXT NOT NULL DEFAULT '',
  hashed_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX media_post ON media (post_id);
CREATE INDEX media_sha256 ON media (sha256);

-- lists
CREATE TABLE hash_list (id {ID}, name TEXT NOT NULL, holder TEXT NOT NULL, own BIGINT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (holder, name));
CREATE TABLE list_batch (id {ID}, list_id BIGINT NOT NULL REFERENCES hash_list (id), document_id BIGINT, entries BIGINT NOT NULL, created_at BIGINT NOT NULL);
CREATE TABLE list_entry (id {ID}, batch_id BIGINT NOT NULL REFERENCES list_batch (id), kind TEXT NOT NULL, value TEXT NOT NULL, label TEXT NOT NULL DEFAULT '');
CREATE TABLE media_match (
  id {ID},
  media_id BIGINT NOT NULL REFERENCES media (id),
  list_id BIGINT NOT NULL REFERENCES hash_list (id),
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  label TEXT NOT NULL DEFAULT '',
  distance BIGINT NOT NULL DEFAULT 0,
  share BIGINT NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state IN ('exact', 'unconfirmed', 'confirmed', 'rejected')),
  decided_by BIGINT,
  decided_at BIGINT NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  found_at BIGINT NOT NULL
);
CREATE INDEX media_match_media ON media_match (media_id);

-- intake
CREATE TABLE complaint (id {ID}, reference TEXT NOT NULL UNIQUE, complainant TEXT NOT NULL, sha256 TEXT NOT NULL, received_at BIGINT NOT NULL);
CREATE TABLE tip (
  id {ID},
  number TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL CHECK (source IN ('complaint', 'scan', 'cybertipline', 'referral')),
  class TEXT NOT NULL CHECK (class IN ('media', 'enticement', 'contact_offence', 'adult_sexual_violence', 'other')),
  state TEXT NOT NULL CHECK (state IN ('received', 'actionable', 'informational', 'duplicate', 'insufficient', 'linked', 'referred', 'returned', 'closed')),
  reporter TEXT NOT NULL DEFAULT '',
  locator TEXT NOT NULL DEFAULT '',
  account_id BIGINT REFERENCES account (id),
  post_id BIGINT REFERENCES post (id),
  complaint_id BIGINT REFERENCES complaint (id),
  case_id BIGINT,
  referral_id BIGINT REFERENCES document (id),
  onward_id BIGINT REFERENCES document (id),
  external_ref TEXT NOT NULL DEFAULT '',
  hints TEXT NOT NULL DEFAULT '',
  summary TEXT NOT NULL DEFAULT '',
  responsible TEXT NOT NULL,
  outcome TEXT NOT NULL DEFAULT '',
  occurred_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL
);
CREATE INDEX tip_locator ON tip (locator);
CREATE INDEX tip_account ON tip (account_id);
CREATE INDEX tip_case ON tip (case_id);
CREATE INDEX tip_referral ON tip (referral_id);
CREATE TABLE complaint_line (id {ID}, complaint_id BIGINT NOT NULL REFERENCES complaint (id), n BIGINT NOT NULL, typed TEXT NOT NULL, remarks TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state IN ('tip', 'duplicate', 'unreadable')), tip_id BIGINT REFERENCES tip (id), reason TEXT NOT NULL DEFAULT '');
CREATE TABLE report (id {ID}, reporter TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('open', 'finished', 'retracted')), class TEXT NOT NULL, content TEXT NOT NULL, tip_id BIGINT REFERENCES tip (id),
  opened_at BIGINT NOT NULL, changed_at BIGINT NOT NULL);
CREATE TABLE report_file (id {ID}, report_id BIGINT NOT NULL REFERENCES report (id), file_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL DEFAULT '', media_id BIGINT REFERENCES media (id), details TEXT NOT NULL DEFAULT '');

-- scan
CREATE TABLE scan (id {ID}, source TEXT NOT NULL UNIQUE, position TEXT NOT NULL DEFAULT '', posts BIGINT NOT NULL DEFAULT 0, media BIGINT NOT NULL DEFAULT 0, matched BIGINT NOT NULL DEFAULT 0, changed_at BIGINT NOT NULL);

-- triage
CREATE TABLE opening (id {ID}, match_id BIGINT NOT NULL REFERENCES media_match (id), purpose TEXT NOT NULL, requested_by BIGINT NOT NULL, approved_by BIGINT, requested_at BIGINT NOT NULL, approved_at BIGINT NOT NULL DEFAULT 0, opened_at BIGINT NOT NULL DEFAULT 0);
CREATE TABLE route (id {ID}, kind TEXT NOT NULL CHECK (kind IN ('ip', 'phone', 'country', 'any')), pattern TEXT NOT NULL, agency TEXT NOT NULL, created_at BIGINT NOT NULL);

-- casework
CREATE TABLE operation (id {ID}, name TEXT NOT NULL UNIQUE, period TEXT NOT NULL, opened_at BIGINT NOT NULL);
CREATE TABLE case_file (
  id {ID},
  title TEXT NOT NULL,
  class TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  operation_id BIGINT REFERENCES operation (id),
  station TEXT NOT NULL DEFAULT '',
  serial BIGINT NOT NULL DEFAULT 0,
  year BIGINT NOT NULL DEFAULT 0,
  fir TEXT NOT NULL DEFAULT '',
  procedure_section TEXT NOT NULL DEFAULT '',
  sections TEXT NOT NULL DEFAULT '',
  offence_at BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  registered_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX case_fir ON case_file (station, year, serial) WHERE serial > 0;
CREATE TABLE fir_counter (station TEXT NOT NULL, year BIGINT NOT NULL, last BIGINT NOT NULL, PRIMARY KEY (station, year));
CREATE TABLE team (id {ID}, case_id BIGINT NOT NULL REFERENCES case_file (id), name TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (case_id, name));
CREATE TABLE case_account (id {ID}, case_id BIGINT NOT NULL REFERENCES case_file (id), account_id BIGINT NOT NULL REFERENCES account (id),
  finding TEXT NOT NULL CHECK (finding IN ('pending', 'offending', 'undetermined', 'gone')), basis TEXT NOT NULL DEFAULT '', decided_by BIGINT, decided_at BIGINT NOT NULL DEFAULT 0,
  added_at BIGINT NOT NULL, UNIQUE (case_id, account_id));
CREATE TABLE assignment (id {ID}, case_id BIGINT NOT NULL REFERENCES case_file (id), team_id BIGINT NOT NULL REFERENCES team (id), post_id BIGINT NOT NULL REFERENCES post (id),
  finding TEXT NOT NULL DEFAULT '' CHECK (finding IN ('', 'listed_media', 'weak_signal', 'nothing')), note TEXT NOT NULL DEFAULT '', analysed_by BIGINT, analysed_at BIGINT NOT NULL DEFAULT 0, assigned_at BIGINT NOT NULL,
  UNIQUE (case_id, post_id));
CREATE TABLE arrest (id {ID}, case_id BIGINT NOT NULL REFERENCES case_file (id), name TEXT NOT NULL, place TEXT NOT NULL, grounds TEXT NOT NULL, arrested_at BIGINT NOT NULL, entered_at BIGINT NOT NULL);
CREATE TABLE outcome (id {ID}, tip_id BIGINT NOT NULL REFERENCES tip (id), kind TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '', happened_at BIGINT NOT NULL, source TEXT NOT NULL, document_id BIGINT REFERENCES document (id), reported_id BIGINT REFERENCES document (id));
CREATE INDEX outcome_tip ON outcome (tip_id);
CREATE TABLE meeting (id {ID}, subject TEXT NOT NULL, attendees TEXT NOT NULL, asked TEXT NOT NULL, held_at BIGINT NOT NULL, entered_at BIGINT NOT NULL);

-- enforcement
CREATE TABLE preserved (id {ID}, document_id BIGINT NOT NULL REFERENCES document (id), item_id BIGINT NOT NULL REFERENCES document_item (id), sha256 TEXT NOT NULL, size BIGINT NOT NULL, preserved_at BIGINT NOT NULL, expires_at BIGINT NOT NULL);

-- attribution
CREATE TABLE selector (id {ID}, kind TEXT NOT NULL, value TEXT NOT NULL, first_seen_at BIGINT NOT NULL, UNIQUE (kind, value));
CREATE TABLE sighting (id {ID}, case_id BIGINT NOT NULL REFERENCES case_file (id), selector_id BIGINT NOT NULL REFERENCES selector (id), account_id BIGINT, holder_of_id BIGINT REFERENCES selector (id),
  source TEXT NOT NULL CHECK (source IN ('post', 'bio', 'answer')), post_id BIGINT REFERENCES post (id), document_id BIGINT REFERENCES document (id), name TEXT NOT NULL DEFAULT '', seen_at BIGINT NOT NULL);
CREATE INDEX sighting_case ON sighting (case_id);
CREATE TABLE cluster (id {ID}, case_id BIGINT NOT NULL REFERENCES case_file (id), label TEXT NOT NULL, accounts BIGINT NOT NULL, state TEXT NOT NULL CHECK (state IN ('candidate', 'lead', 'rejected', 'superseded')), computed_at BIGINT NOT NULL);
CREATE TABLE cluster_member (id {ID}, cluster_id BIGINT NOT NULL REFERENCES cluster (id), account_id BIGINT NOT NULL REFERENCES account (id));
CREATE TABLE link_assertion (id {ID}, cluster_id BIGINT NOT NULL REFERENCES cluster (id), account_id BIGINT NOT NULL, other_id BIGINT NOT NULL, selector_id BIGINT NOT NULL REFERENCES selector (id), weight BIGINT NOT NULL, basis TEXT NOT NULL);
CREATE TABLE judgement (id {ID}, cluster_id BIGINT NOT NULL REFERENCES cluster (id), verdict TEXT NOT NULL CHECK (verdict IN ('positive', 'negative', 'unsure')), reason TEXT NOT NULL, exhibits TEXT NOT NULL, judged_by BIGINT NOT NULL, judged_at BIGINT NOT NULL);
CREATE TABLE subject (id {ID}, judgement_id BIGINT NOT NULL REFERENCES judgement (id), cluster_id BIGINT NOT NULL REFERENCES cluster (id), name TEXT NOT NULL, created_at BIGINT NOT NULL);
