-- identity. Facts of the work, on the record: role, case_member, case_release; access_read in batches whose digest is on the record.
-- Outside the record, because they hold secrets or pass: session, session_purpose, passkey, totp, external_identity, ceremony,
-- attempt, invitation, service_credential. What people do with them is noted in entries.

-- Whoever was signed in signs in again: the old sessions know neither device nor proof.
DROP TABLE session;
CREATE TABLE session (
  id {ID},
  token_hash TEXT NOT NULL UNIQUE,
  person_id BIGINT NOT NULL REFERENCES person (id),
  method TEXT NOT NULL CHECK (method IN ('password', 'password_code', 'passkey', 'oidc')),
  address TEXT NOT NULL DEFAULT '',
  agent TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  proved_at BIGINT NOT NULL
);
CREATE INDEX session_person ON session (person_id);
CREATE TABLE session_purpose (session_id BIGINT NOT NULL, scope TEXT NOT NULL, purpose TEXT NOT NULL, given_at BIGINT NOT NULL, PRIMARY KEY (session_id, scope));
CREATE TABLE passkey (
  id {ID},
  person_id BIGINT NOT NULL REFERENCES person (id),
  credential_id {BYTES} NOT NULL UNIQUE,
  credential TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX passkey_person ON passkey (person_id);
CREATE TABLE totp (person_id BIGINT PRIMARY KEY REFERENCES person (id), sealed {BYTES} NOT NULL, confirmed_at BIGINT NOT NULL DEFAULT 0, last_step BIGINT NOT NULL DEFAULT 0);
CREATE TABLE external_identity (id {ID}, person_id BIGINT NOT NULL REFERENCES person (id), issuer TEXT NOT NULL, subject TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (issuer, subject));
CREATE TABLE ceremony (id TEXT PRIMARY KEY, person_id BIGINT NOT NULL DEFAULT 0, kind TEXT NOT NULL, content TEXT NOT NULL, expires_at BIGINT NOT NULL);
CREATE TABLE attempt (subject TEXT PRIMARY KEY, failures BIGINT NOT NULL, last_at BIGINT NOT NULL, locked_until BIGINT NOT NULL DEFAULT 0);
CREATE TABLE invitation (person_id BIGINT PRIMARY KEY REFERENCES person (id), code_hash TEXT NOT NULL, expires_at BIGINT NOT NULL);
CREATE TABLE service_credential (
  id {ID},
  kind TEXT NOT NULL CHECK (kind IN ('api', 'reporter', 'exchange')),
  name TEXT NOT NULL UNIQUE,
  secret_hash TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_by BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL DEFAULT 0,
  used_at BIGINT NOT NULL DEFAULT 0,
  revoked_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE role (id {ID}, name TEXT NOT NULL UNIQUE, permissions TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE TABLE case_member (
  id {ID},
  case_id BIGINT NOT NULL REFERENCES case_file (id),
  person_id BIGINT NOT NULL REFERENCES person (id),
  relation TEXT NOT NULL CHECK (relation IN ('reader', 'writer', 'lead', 'counsel')),
  granted_by BIGINT NOT NULL,
  granted_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX case_member_now ON case_member (case_id, person_id) WHERE ended_at = 0;
CREATE INDEX case_member_person ON case_member (person_id);
CREATE TABLE case_release (
  id {ID},
  case_id BIGINT NOT NULL REFERENCES case_file (id),
  object TEXT NOT NULL CHECK (object IN ('document', 'cluster')),
  object_id BIGINT NOT NULL,
  released_by BIGINT NOT NULL,
  released_at BIGINT NOT NULL,
  withdrawn_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX case_release_now ON case_release (object, object_id) WHERE withdrawn_at = 0;
CREATE TABLE access_batch (id {ID}, reads BIGINT NOT NULL, written_at BIGINT NOT NULL);
CREATE TABLE access_read (
  id {ID},
  batch_id BIGINT NOT NULL REFERENCES access_batch (id),
  person_id BIGINT NOT NULL,
  session_id BIGINT,
  object TEXT NOT NULL,
  object_id BIGINT,
  case_id BIGINT,
  purpose TEXT NOT NULL,
  read_at BIGINT NOT NULL
);
CREATE INDEX access_read_case ON access_read (case_id, id);
CREATE INDEX access_read_person ON access_read (person_id, id);
