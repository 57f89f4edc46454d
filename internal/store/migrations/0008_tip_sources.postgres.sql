ALTER TABLE tip DROP CONSTRAINT tip_source_check;
ALTER TABLE tip ADD CONSTRAINT tip_source_check CHECK (source IN ('complaint', 'scan', 'cybertipline', 'referral', 'form'));
