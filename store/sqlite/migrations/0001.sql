-- Who may come in. Times are microseconds since 1970 in UTC, NULL for none. Lists are JSON, NULL when empty.

CREATE TABLE meta (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE consumers (
	name    TEXT NOT NULL PRIMARY KEY,
	plan    TEXT NOT NULL,
	tags    TEXT,
	created INTEGER,
	updated INTEGER
) STRICT, WITHOUT ROWID;

-- A consumer may stand in the document, so none of these refers to the table of consumers.
CREATE TABLE keys (
	id        TEXT NOT NULL PRIMARY KEY,
	consumer  TEXT NOT NULL,
	label     TEXT NOT NULL,
	prefix    TEXT NOT NULL,
	hash      BLOB NOT NULL CHECK (length(hash) = 32),
	allow_ips TEXT,
	routes    TEXT,
	created   INTEGER,
	expires   INTEGER,
	revoked   INTEGER,
	replaces  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_of_consumers ON keys (consumer);

-- Apart from keys, since it changes all the time and keys do not.
CREATE TABLE uses (
	key  TEXT NOT NULL PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
	last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
	id       TEXT NOT NULL PRIMARY KEY,
	consumer TEXT NOT NULL,
	kind     TEXT NOT NULL,
	settings BLOB NOT NULL,
	created  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX credentials_of_consumers ON credentials (consumer);

CREATE TABLE plans (
	name     TEXT NOT NULL PRIMARY KEY,
	settings BLOB NOT NULL,
	created  INTEGER,
	updated  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE revocations (
	issuer  TEXT NOT NULL,
	id      TEXT NOT NULL,
	subject TEXT NOT NULL,
	before  INTEGER,
	until   INTEGER,
	created INTEGER,
	PRIMARY KEY (issuer, id, subject)
) STRICT, WITHOUT ROWID;
