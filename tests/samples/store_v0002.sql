BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE approvals (
	id VARCHAR(64) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	target VARCHAR(64) NOT NULL, 
	text BLOB NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	quorum INTEGER NOT NULL, 
	uses INTEGER NOT NULL, 
	uses_left INTEGER NOT NULL, 
	detached BOOLEAN NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	principal_key TEXT NOT NULL, 
	principal_json TEXT NOT NULL, 
	action TEXT NOT NULL, 
	details_json TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	rule_reason TEXT NOT NULL, 
	policy_version TEXT NOT NULL, 
	valid DOUBLE NOT NULL, 
	created DOUBLE NOT NULL, 
	deadline DOUBLE NOT NULL, 
	until DOUBLE NOT NULL, changed DOUBLE DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "approvals" VALUES('approval-1','session-0001','shop',X'64726F70207461626C652078','d',1,1,0,0,'used','https://issuer.example|u-1','{"chain":[],"groups":["dev"],"issuer":"https://issuer.example","kind":"person","name":"alice","proof":{},"subject":"u-1"}','query','{}','changes','','1',600.0,1795330801.0,1795330901.0,0.0,1795330850.0);
CREATE TABLE approver_groups (
	approval_id VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (approval_id, name), 
	FOREIGN KEY(approval_id) REFERENCES approvals (id) ON DELETE CASCADE
);
INSERT INTO "approver_groups" VALUES('approval-1','ops');
CREATE TABLE deliveries (
	id VARCHAR(64) NOT NULL, 
	at DOUBLE NOT NULL, 
	channel TEXT NOT NULL, 
	event VARCHAR(32) NOT NULL, 
	approval_id VARCHAR(64) NOT NULL, 
	notice_json TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	next DOUBLE NOT NULL, 
	error TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "deliveries" VALUES('delivery-1',1795330801.0,'ops','filed','approval-1','{}','sent',1,0.0,'');
CREATE TABLE holders (
	approval_id VARCHAR(64) NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (approval_id, session_id), 
	FOREIGN KEY(approval_id) REFERENCES approvals (id) ON DELETE CASCADE
);
INSERT INTO "holders" VALUES('approval-1','session-0001');
CREATE TABLE locks (
	kind VARCHAR(16) NOT NULL, 
	value TEXT NOT NULL, 
	until DOUBLE NOT NULL, 
	reason TEXT NOT NULL, 
	by_key TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (kind, value)
);
INSERT INTO "locks" VALUES('target','shop',0.0,'incident','i|olga',1795330800.0);
CREATE TABLE once (
	"key" VARCHAR(128) NOT NULL, 
	until DOUBLE NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "once" VALUES('k',9000000000.0);
CREATE TABLE reads (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	reader_key TEXT NOT NULL, 
	reader_json TEXT NOT NULL, 
	session_id VARCHAR(64) NOT NULL, 
	what VARCHAR(32) NOT NULL, 
	address TEXT NOT NULL, 
	request_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "reads" VALUES(1,1795331000.0,'i|olga','{}','session-0001','recording','192.0.2.8','r-1');
CREATE TABLE replicas (
	id VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	seen DOUBLE NOT NULL, 
	sessions INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "replicas" VALUES('replica-1','gw','0.1','1',1795330800.0,1795330900.0,1);
CREATE TABLE sessions (
	id VARCHAR(64) NOT NULL, 
	principal_key TEXT NOT NULL, 
	principal_json TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	target VARCHAR(64) NOT NULL, 
	protocol VARCHAR(16) NOT NULL, 
	peer TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	ended DOUBLE, 
	state VARCHAR(16) NOT NULL, 
	commands INTEGER NOT NULL, label TEXT DEFAULT '' NOT NULL, ending TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "sessions" VALUES('session-0001','https://issuer.example|u-1','{"chain":[],"groups":["dev"],"issuer":"https://issuer.example","kind":"person","name":"alice","proof":{},"subject":"u-1"}','u-1','shop','postgres','192.0.2.7:40001',1795330800.25,1795330900.0,'closed',3,'alice','');
INSERT INTO "sessions" VALUES('session-0002','https://issuer.example|u-1','{"chain":[],"groups":["dev"],"issuer":"https://issuer.example","kind":"person","name":"alice","proof":{},"subject":"u-1"}','u-1','shop','postgres','192.0.2.7:40001',1795330800.25,NULL,'live',3,'alice','');
CREATE TABLE votes (
	approval_id VARCHAR(64) NOT NULL, 
	voter_key TEXT NOT NULL, 
	voter_name TEXT NOT NULL, 
	granted BOOLEAN NOT NULL, 
	comment_json TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (approval_id, voter_key), 
	FOREIGN KEY(approval_id) REFERENCES approvals (id) ON DELETE CASCADE
);
INSERT INTO "votes" VALUES('approval-1','https://issuer.example|u-2','olga',1,'"fine"',1795330840.0);
CREATE UNIQUE INDEX approvals_one_pending ON approvals (digest) WHERE state = 'pending';
CREATE INDEX approvals_digest ON approvals (digest, state);
CREATE INDEX approvals_principal ON approvals (principal_key, created);
CREATE INDEX approvals_state ON approvals (state, deadline);
CREATE INDEX approver_groups_name ON approver_groups (name);
CREATE INDEX holders_session ON holders (session_id);
CREATE INDEX sessions_started ON sessions (started);
CREATE INDEX sessions_principal ON sessions (principal_key, started);
CREATE INDEX reads_session ON reads (session_id);
CREATE INDEX approvals_changed ON approvals (changed);
CREATE INDEX approvals_created ON approvals (created);
CREATE INDEX sessions_ended ON sessions (ended);
CREATE INDEX sessions_state ON sessions (state);
CREATE INDEX deliveries_due ON deliveries (state, next);
CREATE INDEX deliveries_at ON deliveries (at);
CREATE INDEX once_until ON once (until);
COMMIT;
