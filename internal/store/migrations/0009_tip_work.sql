-- What queues, bundles and priorities know of a tip; the empty value of each is what a tip had before.
ALTER TABLE tip ADD COLUMN bundle_id BIGINT;
ALTER TABLE tip ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tip ADD COLUMN danger_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tip ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE tip ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE tip ADD COLUMN queue_id BIGINT;
CREATE INDEX tip_bundle ON tip (bundle_id);
