-- Role by which the DRIMbox reads Orthanc's PostgreSQL index (IndexUrl). It can write nothing and sees five tables, and
-- of a sixth one the names and sizes of the stored files.
--
--   sudo -u postgres psql --dbname=orthanc --file=read-only-role.sql
--   sudo -u postgres psql --command='\password drimbox_reader'
--
-- Run it on Orthanc's database, after Orthanc has created its tables. Running it again changes nothing.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'drimbox_reader') THEN
    CREATE ROLE drimbox_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO drimbox_reader', current_database());
END
$$;

ALTER ROLE drimbox_reader SET default_transaction_read_only = on;

GRANT USAGE ON SCHEMA public TO drimbox_reader;
GRANT SELECT ON resources, maindicomtags, dicomidentifiers, metadata, globalproperties TO drimbox_reader;
GRANT SELECT (id, filetype, uuid, uncompressedsize) ON attachedfiles TO drimbox_reader;
