-- SQLite cannot alter a CHECK; what stands in the schema is replaced instead, which is sound where the new check allows all that the
-- old one did (https://www.sqlite.org/lang_altertable.html, section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (source IN (''complaint'', ''scan'', ''cybertipline'', ''referral''))', 'CHECK (source IN (''complaint'', ''scan'', ''cybertipline'', ''referral'', ''form''))')
  WHERE type = 'table' AND name = 'tip';
PRAGMA writable_schema = RESET;
