-- How tips are worked. The queue that takes the rest has no row: its tips have no queue_id.
CREATE TABLE tip_queue (id {ID}, name TEXT NOT NULL, place BIGINT NOT NULL, desk TEXT NOT NULL DEFAULT '', team TEXT NOT NULL DEFAULT '', role TEXT NOT NULL DEFAULT '',
  filter TEXT NOT NULL DEFAULT '', two_person BIGINT NOT NULL DEFAULT 0, claim_minutes BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL, closed_at BIGINT NOT NULL DEFAULT 0);
CREATE TABLE queue_member (id {ID}, team TEXT NOT NULL, person_id BIGINT NOT NULL REFERENCES person (id), since_at BIGINT NOT NULL, ended_at BIGINT NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX queue_member_now ON queue_member (person_id, team) WHERE ended_at = 0;

-- The order in which a queue is worked, of waiting tips only: those in danger have an index of their own, so that each part is read in one direction.
CREATE INDEX tip_waiting ON tip (queue_id, priority DESC, received_at, id) WHERE state = 'received' AND danger_at = 0;
CREATE INDEX tip_waiting_danger ON tip (queue_id, priority DESC, received_at, id) WHERE state = 'received' AND danger_at > 0;
CREATE INDEX tip_age ON tip (queue_id, received_at) WHERE state = 'received';

CREATE TABLE claim (id {ID}, tip_id BIGINT NOT NULL REFERENCES tip (id), person_id BIGINT NOT NULL, queue_id BIGINT, given_by BIGINT, taken_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0, ending TEXT NOT NULL DEFAULT '' CHECK (ending IN ('', 'decided', 'proposed', 'handed_back', 'handed_over', 'expired', 'left')), note TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX claim_now ON claim (tip_id) WHERE ended_at = 0;
CREATE INDEX claim_person ON claim (person_id) WHERE ended_at = 0;
CREATE INDEX claim_tip ON claim (tip_id);

CREATE TABLE tip_decision (id {ID}, tip_id BIGINT NOT NULL REFERENCES tip (id), claim_id BIGINT REFERENCES claim (id), person_id BIGINT NOT NULL,
  part TEXT NOT NULL CHECK (part IN ('sole', 'first', 'second', 'lead')), state TEXT NOT NULL, class TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', answers TEXT NOT NULL DEFAULT '',
  from_metadata BIGINT NOT NULL DEFAULT 0, asks TEXT NOT NULL DEFAULT '' CHECK (asks IN ('', 'confirmation', 'opinion')), asked_of_id BIGINT, given_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL DEFAULT 0, ending TEXT NOT NULL DEFAULT '' CHECK (ending IN ('', 'stood', 'overruled')));
CREATE INDEX tip_decision_open ON tip_decision (tip_id) WHERE closed_at = 0;
CREATE INDEX tip_decision_tip ON tip_decision (tip_id);
CREATE INDEX tip_decision_person ON tip_decision (person_id, id);
CREATE TABLE tip_note (id {ID}, tip_id BIGINT NOT NULL REFERENCES tip (id), person_id BIGINT, kind TEXT NOT NULL CHECK (kind IN ('class', 'label')), content TEXT NOT NULL, written_at BIGINT NOT NULL);
CREATE INDEX tip_note_tip ON tip_note (tip_id);

-- Limits of exposure. Minutes from midnight in the jurisdiction's zone; 0: no limit.
CREATE TABLE exposure_rule (id {ID}, day_minutes BIGINT NOT NULL DEFAULT 0, day_items BIGINT NOT NULL DEFAULT 0, stretch_minutes BIGINT NOT NULL DEFAULT 0, break_minutes BIGINT NOT NULL DEFAULT 0,
  starts BIGINT NOT NULL DEFAULT 0, ends BIGINT NOT NULL DEFAULT 0, set_at BIGINT NOT NULL);
CREATE TABLE exposure_consent (id {ID}, tip_id BIGINT NOT NULL REFERENCES tip (id), person_id BIGINT NOT NULL, kind TEXT NOT NULL, given_at BIGINT NOT NULL);
CREATE INDEX exposure_consent_person ON exposure_consent (person_id, given_at);

-- What a person was exposed to, the limits they set for themselves and when a limit was reached: about a worker's health, theirs alone to
-- read, and no fact of any case. So these stand outside the record, which every auditor and every court may read.
CREATE TABLE exposure (id {ID}, person_id BIGINT NOT NULL, tip_id BIGINT, opening_id BIGINT, started_at BIGINT NOT NULL, until_at BIGINT NOT NULL, ended_at BIGINT NOT NULL DEFAULT 0);
CREATE INDEX exposure_person ON exposure (person_id, until_at);
CREATE TABLE exposure_own (person_id BIGINT PRIMARY KEY, day_minutes BIGINT NOT NULL, day_items BIGINT NOT NULL, stretch_minutes BIGINT NOT NULL, ends BIGINT NOT NULL);
CREATE TABLE exposure_reached (person_id BIGINT NOT NULL, day BIGINT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (person_id, day, kind));
