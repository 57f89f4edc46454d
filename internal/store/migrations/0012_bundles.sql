-- bundle: tips of the same thing, worked on as one. head_id is its first tip, which carries what the bundle has gathered.
CREATE TABLE bundle (id {ID}, head_id BIGINT REFERENCES tip (id), opened_at BIGINT NOT NULL);

-- bundle_change: what a person changed in bundles: tips went from one to another, or out of all (to_id NULL). tips is a JSON list.
CREATE TABLE bundle_change (
  id {ID},
  act TEXT NOT NULL CHECK (act IN ('taken_out', 'split', 'merged', 'put_in', 'undone')),
  from_id BIGINT REFERENCES bundle (id),
  to_id BIGINT REFERENCES bundle (id),
  tips TEXT NOT NULL,
  reason TEXT NOT NULL,
  changed_by BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  undone_id BIGINT REFERENCES bundle_change (id)
);
CREATE INDEX bundle_change_from ON bundle_change (from_id);
CREATE INDEX bundle_change_to ON bundle_change (to_id);

-- What follows is an index over tips, made again from them at will, and stands outside the record.
-- bundle_key: which tip stands for an address, a file, a list's entry or an account; value is a hash of it.
CREATE TABLE bundle_key (kind TEXT NOT NULL, value TEXT NOT NULL, tip_id BIGINT NOT NULL, PRIMARY KEY (kind, value));
CREATE INDEX bundle_key_tip ON bundle_key (tip_id);
-- bundle_tally: how many tips, distinct reporters and accounts; bundle_seen: which were counted.
CREATE TABLE bundle_tally (bundle_id BIGINT PRIMARY KEY, tips BIGINT NOT NULL, reporters BIGINT NOT NULL, accounts BIGINT NOT NULL);
CREATE TABLE bundle_seen (bundle_id BIGINT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (bundle_id, kind, value));

-- tip: 1 when a person took it out of its bundle; it joins none by itself. How its priority came about, and when it must be asked again.
ALTER TABLE tip ADD COLUMN bundle_apart BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tip ADD COLUMN priority_terms TEXT NOT NULL DEFAULT '';
ALTER TABLE tip ADD COLUMN priority_rules_id BIGINT;
ALTER TABLE tip ADD COLUMN priority_due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tip ADD COLUMN shadow_rules_id BIGINT;
ALTER TABLE tip ADD COLUMN shadow_priority BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tip_priority_due ON tip (priority_due_at) WHERE priority_due_at > 0;
CREATE INDEX tip_danger ON tip (danger_at) WHERE danger_at > 0;
CREATE INDEX tip_post ON tip (post_id) WHERE post_id IS NOT NULL;
DROP INDEX tip_account;
CREATE INDEX tip_account ON tip (account_id, state, id);
CREATE INDEX report_file_media ON report_file (media_id);
CREATE INDEX media_match_value ON media_match (value);

-- priority_rules: every version of the rules that a tip's priority comes from. backtest is the JSON of its last test on decided tips.
CREATE TABLE priority_rules (
  id {ID},
  name TEXT NOT NULL,
  content TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('draft', 'shadow', 'live', 'retired')),
  drafted_by BIGINT,
  drafted_at BIGINT NOT NULL,
  shadowed_at BIGINT NOT NULL DEFAULT 0,
  tested_at BIGINT NOT NULL DEFAULT 0,
  backtest TEXT NOT NULL DEFAULT '',
  live_by BIGINT,
  live_at BIGINT NOT NULL DEFAULT 0,
  retired_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE priority_overrule (
  id {ID},
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  priority BIGINT NOT NULL,
  reason TEXT NOT NULL,
  set_by BIGINT NOT NULL,
  set_at BIGINT NOT NULL,
  lifted_by BIGINT,
  lifted_at BIGINT NOT NULL DEFAULT 0,
  lift_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX priority_overrule_tip ON priority_overrule (tip_id);

-- danger_mark: that a child is held to be in danger, by the rules (set_by NULL) or a person.
CREATE TABLE danger_mark (
  id {ID},
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  reason TEXT NOT NULL,
  set_by BIGINT,
  set_at BIGINT NOT NULL,
  lifted_by BIGINT,
  lifted_at BIGINT NOT NULL DEFAULT 0,
  lift_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX danger_mark_tip ON danger_mark (tip_id);
-- on_call: who is paged, in the order of place; a row that ended stays.
CREATE TABLE on_call (id {ID}, person_id BIGINT NOT NULL, place BIGINT NOT NULL, email TEXT NOT NULL DEFAULT '', since_at BIGINT NOT NULL, ended_at BIGINT NOT NULL DEFAULT 0);
CREATE TABLE alert (
  id {ID},
  number TEXT NOT NULL UNIQUE,
  mark_id BIGINT NOT NULL REFERENCES danger_mark (id),
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
  raised_at BIGINT NOT NULL,
  acknowledged_by BIGINT,
  acknowledged_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX alert_state ON alert (state);
CREATE INDEX alert_tip ON alert (tip_id);
-- alert_page: one person who was asked to acknowledge an alert, by when, and what became of the e-mail. person_id NULL: nobody is on call.
CREATE TABLE alert_page (
  id {ID},
  alert_id BIGINT NOT NULL REFERENCES alert (id),
  person_id BIGINT,
  paged_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  mail TEXT NOT NULL CHECK (mail IN ('none', 'waiting', 'sent')),
  mailed_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX alert_page_alert ON alert_page (alert_id);
-- protection_clock: a duty of the jurisdiction's file that a mark started; due_at is computed, overdue is derived.
CREATE TABLE protection_clock (
  id {ID},
  mark_id BIGINT NOT NULL REFERENCES danger_mark (id),
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  duty TEXT NOT NULL,
  rule TEXT NOT NULL,
  title TEXT NOT NULL,
  legal_basis TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  fulfilled_by BIGINT,
  fulfilled_at BIGINT NOT NULL DEFAULT 0,
  reference TEXT NOT NULL DEFAULT '',
  closed_by BIGINT,
  closed_at BIGINT NOT NULL DEFAULT 0,
  close_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX protection_clock_tip ON protection_clock (tip_id);
CREATE INDEX protection_clock_due ON protection_clock (due_at) WHERE fulfilled_at = 0 AND closed_at = 0;
CREATE TABLE triage_task (
  id {ID},
  tip_id BIGINT NOT NULL REFERENCES tip (id),
  mark_id BIGINT REFERENCES danger_mark (id),
  kind TEXT NOT NULL CHECK (kind IN ('victim_identification')),
  state TEXT NOT NULL CHECK (state IN ('open', 'done')),
  note TEXT NOT NULL DEFAULT '',
  opened_at BIGINT NOT NULL,
  done_by BIGINT,
  done_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX triage_task_tip ON triage_task (tip_id);
