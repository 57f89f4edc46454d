CREATE INDEX sighting_selector ON sighting (selector_id);
CREATE INDEX cluster_case ON cluster (case_id);
CREATE INDEX document_item_account ON document_item (account_id);
CREATE INDEX media_match_state ON media_match (state);
CREATE INDEX tip_state ON tip (state);
