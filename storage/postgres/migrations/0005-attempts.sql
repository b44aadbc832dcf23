-- How often something was tried: passphrases, registrations, links. Rows end by themselves.
CREATE TABLE attempts (
  key text COLLATE "C" PRIMARY KEY,
  count int NOT NULL,
  ends timestamptz NOT NULL -- of the window that began with the first attempt
);
CREATE INDEX attempts_ends ON attempts (ends);
