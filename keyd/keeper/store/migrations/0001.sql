-- The first schema. Columns and their order are those of tables.def; what is added here is keys, references,
-- words and indexes. Every table of security rows has a <name>_past with the former versions. A column that may be
-- asked or sorted by has an index. tenant_id 0 belongs to no tenant.

CREATE TABLE "deployment" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"owner_id" INTEGER NOT NULL,
	"epoch" INTEGER NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE TABLE "deployment_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"owner_id" INTEGER NOT NULL,
	"epoch" INTEGER NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "tenant" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"state" TEXT NOT NULL
		CHECK ("state" IN ('live', 'suspended')),
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("name")
) STRICT;
CREATE INDEX "tenant_by_state" ON "tenant" ("state");
CREATE INDEX "tenant_by_created" ON "tenant" ("created");
CREATE INDEX "tenant_by_external_id" ON "tenant" ("external_id") WHERE "external_id" IS NOT NULL;
CREATE TABLE "tenant_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "school_year" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"year" INTEGER NOT NULL,
	"starts" INTEGER NOT NULL,
	"ends" INTEGER NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "year")
) STRICT;
CREATE INDEX "school_year_by_year" ON "school_year" ("year");
CREATE INDEX "school_year_by_created" ON "school_year" ("created");
CREATE TABLE "school_year_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"year" INTEGER NOT NULL,
	"starts" INTEGER NOT NULL,
	"ends" INTEGER NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "cohort" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "name")
) STRICT;
CREATE TABLE "cohort_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "cohort_member" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"cohort_id" INTEGER NOT NULL REFERENCES "cohort" ("id"),
	"edorg_id" INTEGER NOT NULL REFERENCES "edorg" ("id"),
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("cohort_id", "edorg_id")
) STRICT;
CREATE INDEX "cohort_member_by_edorg_id" ON "cohort_member" ("edorg_id");
CREATE TABLE "cohort_member_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"cohort_id" INTEGER NOT NULL,
	"edorg_id" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "vendor" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"skeleton" TEXT NOT NULL,
	"kind" TEXT NOT NULL
		CHECK ("kind" IN ('sis', 'hr', 'finance', 'special-education', 'assessment', 'publisher', 'consumer', 'other')),
	"state" TEXT NOT NULL
		CHECK ("state" IN ('live', 'suspended', 'departed')),
	"prefixes" TEXT NOT NULL,
	"contact" TEXT,
	"email" TEXT,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "name")
) STRICT;
CREATE INDEX "vendor_by_name" ON "vendor" ("name");
CREATE INDEX "vendor_by_skeleton" ON "vendor" ("skeleton");
CREATE INDEX "vendor_by_kind" ON "vendor" ("kind");
CREATE INDEX "vendor_by_state" ON "vendor" ("state");
CREATE INDEX "vendor_by_created" ON "vendor" ("created");
CREATE INDEX "vendor_by_external_id" ON "vendor" ("external_id") WHERE "external_id" IS NOT NULL;
CREATE TABLE "vendor_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"skeleton" TEXT NOT NULL,
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"prefixes" TEXT NOT NULL,
	"contact" TEXT,
	"email" TEXT,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "vendor_contact" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"vendor_id" INTEGER NOT NULL REFERENCES "vendor" ("id"),
	"name" TEXT NOT NULL,
	"email" TEXT NOT NULL,
	"role" TEXT NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "vendor_contact_by_vendor_id" ON "vendor_contact" ("vendor_id");
CREATE TABLE "vendor_contact_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"vendor_id" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"email" TEXT NOT NULL,
	"role" TEXT NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "product" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"vendor_id" INTEGER NOT NULL REFERENCES "vendor" ("id"),
	"name" TEXT NOT NULL,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("vendor_id", "name")
) STRICT;
CREATE INDEX "product_by_name" ON "product" ("name");
CREATE INDEX "product_by_created" ON "product" ("created");
CREATE INDEX "product_by_external_id" ON "product" ("external_id") WHERE "external_id" IS NOT NULL;
CREATE TABLE "product_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"vendor_id" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "edorg" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"number" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"kind" TEXT NOT NULL
		CHECK ("kind" IN ('state', 'esa', 'lea', 'school')),
	"parent_id" INTEGER REFERENCES "edorg" ("id"),
	"state" TEXT NOT NULL
		CHECK ("state" IN ('open', 'closed')),
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "number")
) STRICT;
CREATE INDEX "edorg_by_number" ON "edorg" ("number");
CREATE INDEX "edorg_by_name" ON "edorg" ("name");
CREATE INDEX "edorg_by_kind" ON "edorg" ("kind");
CREATE INDEX "edorg_by_parent_id" ON "edorg" ("parent_id");
CREATE INDEX "edorg_by_state" ON "edorg" ("state");
CREATE INDEX "edorg_by_created" ON "edorg" ("created");
CREATE INDEX "edorg_by_external_id" ON "edorg" ("external_id") WHERE "external_id" IS NOT NULL;
CREATE TABLE "edorg_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"number" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"kind" TEXT NOT NULL,
	"parent_id" INTEGER,
	"state" TEXT NOT NULL,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "edorg_closure" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"above_id" INTEGER NOT NULL REFERENCES "edorg" ("id"),
	"below_id" INTEGER NOT NULL REFERENCES "edorg" ("id"),
	"distance" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("above_id", "below_id")
) STRICT;
CREATE INDEX "edorg_closure_by_below_id" ON "edorg_closure" ("below_id");
CREATE TABLE "edorg_closure_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"above_id" INTEGER NOT NULL,
	"below_id" INTEGER NOT NULL,
	"distance" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "ods" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"owner_id" INTEGER REFERENCES "edorg" ("id"),
	"stage" TEXT NOT NULL
		CHECK ("stage" IN ('sandbox', 'test', 'pilot', 'parallel', 'production')),
	"state" TEXT NOT NULL
		CHECK ("state" IN ('planned', 'live', 'retired')),
	"year" INTEGER NOT NULL,
	"mode" TEXT NOT NULL
		CHECK ("mode" IN ('introspect', 'gated', 'jwt', 'own')),
	"generation" INTEGER,
	"standard" TEXT,
	"api_url" TEXT,
	"admin_url" TEXT,
	"context" TEXT,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "name")
) STRICT;
CREATE INDEX "ods_by_name" ON "ods" ("name");
CREATE INDEX "ods_by_owner_id" ON "ods" ("owner_id");
CREATE INDEX "ods_by_stage" ON "ods" ("stage");
CREATE INDEX "ods_by_state" ON "ods" ("state");
CREATE INDEX "ods_by_year" ON "ods" ("year");
CREATE INDEX "ods_by_created" ON "ods" ("created");
CREATE INDEX "ods_by_external_id" ON "ods" ("external_id") WHERE "external_id" IS NOT NULL;
CREATE TABLE "ods_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"owner_id" INTEGER,
	"stage" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"year" INTEGER NOT NULL,
	"mode" TEXT NOT NULL,
	"generation" INTEGER,
	"standard" TEXT,
	"api_url" TEXT,
	"admin_url" TEXT,
	"context" TEXT,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "claimset" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"skeleton" TEXT NOT NULL,
	"v8_name" TEXT NOT NULL,
	"number" INTEGER NOT NULL,
	"note" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "skeleton")
) STRICT;
CREATE INDEX "claimset_by_name" ON "claimset" ("name");
CREATE INDEX "claimset_by_v8_name" ON "claimset" ("v8_name");
CREATE INDEX "claimset_by_number" ON "claimset" ("number");
CREATE INDEX "claimset_by_created" ON "claimset" ("created");
CREATE TABLE "claimset_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"skeleton" TEXT NOT NULL,
	"v8_name" TEXT NOT NULL,
	"number" INTEGER NOT NULL,
	"note" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "claimset_version" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"claimset_id" INTEGER NOT NULL REFERENCES "claimset" ("id"),
	"number" INTEGER NOT NULL,
	"note" TEXT,
	"document" BLOB,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("claimset_id", "number")
) STRICT;
CREATE TABLE "claimset_version_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"claimset_id" INTEGER NOT NULL,
	"number" INTEGER NOT NULL,
	"note" TEXT,
	"document" BLOB,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "profile" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"definition" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "name")
) STRICT;
CREATE TABLE "profile_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"definition" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "application" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"vendor_id" INTEGER NOT NULL REFERENCES "vendor" ("id"),
	"product_id" INTEGER REFERENCES "product" ("id"),
	"year" INTEGER NOT NULL,
	"claimset_id" INTEGER NOT NULL REFERENCES "claimset" ("id"),
	"claimset_version" INTEGER NOT NULL,
	"agreement" TEXT,
	"purpose" TEXT,
	"signer" TEXT,
	"starts" INTEGER NOT NULL,
	"ends" INTEGER NOT NULL,
	"state" TEXT NOT NULL
		CHECK ("state" IN ('live', 'ended')),
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "year", "name")
) STRICT;
CREATE INDEX "application_by_name" ON "application" ("name");
CREATE INDEX "application_by_vendor_id" ON "application" ("vendor_id");
CREATE INDEX "application_by_product_id" ON "application" ("product_id");
CREATE INDEX "application_by_year" ON "application" ("year");
CREATE INDEX "application_by_claimset_id" ON "application" ("claimset_id");
CREATE INDEX "application_by_state" ON "application" ("state");
CREATE INDEX "application_by_ends" ON "application" ("ends");
CREATE INDEX "application_by_created" ON "application" ("created");
CREATE INDEX "application_by_external_id" ON "application" ("external_id") WHERE "external_id" IS NOT NULL;
CREATE TABLE "application_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"vendor_id" INTEGER NOT NULL,
	"product_id" INTEGER,
	"year" INTEGER NOT NULL,
	"claimset_id" INTEGER NOT NULL,
	"claimset_version" INTEGER NOT NULL,
	"agreement" TEXT,
	"purpose" TEXT,
	"signer" TEXT,
	"starts" INTEGER NOT NULL,
	"ends" INTEGER NOT NULL,
	"state" TEXT NOT NULL,
	"external_id" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "application_edorg" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"application_id" INTEGER NOT NULL REFERENCES "application" ("id"),
	"edorg_id" INTEGER NOT NULL REFERENCES "edorg" ("id"),
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("application_id", "edorg_id")
) STRICT;
CREATE INDEX "application_edorg_by_edorg_id" ON "application_edorg" ("edorg_id");
CREATE TABLE "application_edorg_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"application_id" INTEGER NOT NULL,
	"edorg_id" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "application_ods" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"application_id" INTEGER NOT NULL REFERENCES "application" ("id"),
	"ods_id" INTEGER NOT NULL REFERENCES "ods" ("id"),
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("application_id", "ods_id")
) STRICT;
CREATE INDEX "application_ods_by_ods_id" ON "application_ods" ("ods_id");
CREATE TABLE "application_ods_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"application_id" INTEGER NOT NULL,
	"ods_id" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "application_profile" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"application_id" INTEGER NOT NULL REFERENCES "application" ("id"),
	"profile_id" INTEGER NOT NULL REFERENCES "profile" ("id"),
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("application_id", "profile_id")
) STRICT;
CREATE INDEX "application_profile_by_profile_id" ON "application_profile" ("profile_id");
CREATE TABLE "application_profile_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"application_id" INTEGER NOT NULL,
	"profile_id" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "client" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"application_id" INTEGER NOT NULL REFERENCES "application" ("id"),
	"key" TEXT NOT NULL,
	"name" TEXT NOT NULL,
	"state" TEXT NOT NULL
		CHECK ("state" IN ('draft', 'live', 'suspended', 'quarantined', 'revoked')),
	"generation" INTEGER NOT NULL,
	"reason" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("key")
) STRICT;
CREATE INDEX "client_by_application_id" ON "client" ("application_id");
CREATE INDEX "client_by_name" ON "client" ("name");
CREATE INDEX "client_by_state" ON "client" ("state");
CREATE INDEX "client_by_created" ON "client" ("created");
CREATE TABLE "client_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"application_id" INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	"name" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"generation" INTEGER NOT NULL,
	"reason" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "secret" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"client_id" INTEGER NOT NULL REFERENCES "client" ("id"),
	"number" INTEGER NOT NULL,
	"state" TEXT NOT NULL
		CHECK ("state" IN ('sealed', 'delivered', 'live', 'retiring', 'ended', 'quarantined', 'revoked')),
	"label" TEXT,
	"not_before" INTEGER NOT NULL,
	"not_after" INTEGER NOT NULL,
	"hard_end" INTEGER,
	"quiet_days" INTEGER,
	"verifier_key" INTEGER NOT NULL,
	"verifier" BLOB NOT NULL,
	"tag" BLOB,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("client_id", "number")
) STRICT;
CREATE INDEX "secret_by_state" ON "secret" ("state");
CREATE INDEX "secret_by_not_after" ON "secret" ("not_after");
CREATE INDEX "secret_by_tag" ON "secret" ("tag") WHERE "tag" IS NOT NULL;
CREATE TABLE "secret_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"client_id" INTEGER NOT NULL,
	"number" INTEGER NOT NULL,
	"state" TEXT NOT NULL,
	"label" TEXT,
	"not_before" INTEGER NOT NULL,
	"not_after" INTEGER NOT NULL,
	"hard_end" INTEGER,
	"quiet_days" INTEGER,
	"verifier_key" INTEGER NOT NULL,
	"verifier" BLOB NOT NULL,
	"tag" BLOB,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "binding" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"client_id" INTEGER NOT NULL REFERENCES "client" ("id"),
	"ods_id" INTEGER NOT NULL REFERENCES "ods" ("id"),
	"secret_id" INTEGER REFERENCES "secret" ("id"),
	"remote_key" TEXT,
	"remote_ids" TEXT,
	"wanted" TEXT NOT NULL,
	"confirmed" TEXT,
	"receipt" TEXT,
	"state" TEXT NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "binding_by_client_id" ON "binding" ("client_id");
CREATE INDEX "binding_by_ods_id" ON "binding" ("ods_id");
CREATE INDEX "binding_by_secret_id" ON "binding" ("secret_id");
CREATE INDEX "binding_by_state" ON "binding" ("state");
CREATE INDEX "binding_by_remote_key" ON "binding" ("remote_key") WHERE "remote_key" IS NOT NULL;
CREATE TABLE "binding_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"client_id" INTEGER NOT NULL,
	"ods_id" INTEGER NOT NULL,
	"secret_id" INTEGER,
	"remote_key" TEXT,
	"remote_ids" TEXT,
	"wanted" TEXT NOT NULL,
	"confirmed" TEXT,
	"receipt" TEXT,
	"state" TEXT NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "caller" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"ods_id" INTEGER NOT NULL REFERENCES "ods" ("id"),
	"key" TEXT NOT NULL,
	"cache" INTEGER NOT NULL,
	"state" TEXT NOT NULL
		CHECK ("state" IN ('live', 'ended')),
	"verifier_key" INTEGER NOT NULL,
	"verifier" BLOB NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("key")
) STRICT;
CREATE INDEX "caller_by_ods_id" ON "caller" ("ods_id");
CREATE INDEX "caller_by_state" ON "caller" ("state");
CREATE INDEX "caller_by_created" ON "caller" ("created");
CREATE TABLE "caller_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"ods_id" INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	"cache" INTEGER NOT NULL,
	"state" TEXT NOT NULL,
	"verifier_key" INTEGER NOT NULL,
	"verifier" BLOB NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "signing_key" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"kid" TEXT NOT NULL,
	"alg" TEXT NOT NULL
		CHECK ("alg" IN ('ES256', 'RS256')),
	"state" TEXT NOT NULL
		CHECK ("state" IN ('spare', 'active', 'verifying', 'withdrawn')),
	"published" INTEGER NOT NULL,
	"active" INTEGER,
	"ends" INTEGER,
	"public" BLOB NOT NULL,
	"sealed" BLOB NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("kid")
) STRICT;
CREATE INDEX "signing_key_by_state" ON "signing_key" ("state");
CREATE TABLE "signing_key_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"kid" TEXT NOT NULL,
	"alg" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"published" INTEGER NOT NULL,
	"active" INTEGER,
	"ends" INTEGER,
	"public" BLOB NOT NULL,
	"sealed" BLOB NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "operator" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"user" TEXT NOT NULL,
	"uid" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"state" TEXT NOT NULL
		CHECK ("state" IN ('live', 'ended')),
	"password" BLOB,
	"second_factor" BLOB,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("user")
) STRICT;
CREATE INDEX "operator_by_uid" ON "operator" ("uid");
CREATE INDEX "operator_by_name" ON "operator" ("name");
CREATE INDEX "operator_by_state" ON "operator" ("state");
CREATE INDEX "operator_by_created" ON "operator" ("created");
CREATE TABLE "operator_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"user" TEXT NOT NULL,
	"uid" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"password" BLOB,
	"second_factor" BLOB,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "operator_role" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"operator_id" INTEGER NOT NULL REFERENCES "operator" ("id"),
	"role" TEXT NOT NULL
		CHECK ("role" IN ('owner', 'state', 'hub', 'ods-operator', 'steward', 'vendor', 'auditor')),
	"scope_id" INTEGER REFERENCES "edorg" ("id"),
	"ends" INTEGER,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "operator_role_by_operator_id" ON "operator_role" ("operator_id");
CREATE INDEX "operator_role_by_scope_id" ON "operator_role" ("scope_id");
CREATE TABLE "operator_role_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"operator_id" INTEGER NOT NULL,
	"role" TEXT NOT NULL,
	"scope_id" INTEGER,
	"ends" INTEGER,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "delivery" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"client_id" INTEGER NOT NULL REFERENCES "client" ("id"),
	"secret_id" INTEGER NOT NULL REFERENCES "secret" ("id"),
	"sealed" BLOB,
	"sealed_to" TEXT,
	"until" INTEGER NOT NULL,
	"opened" INTEGER,
	"opened_by" TEXT,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "delivery_by_client_id" ON "delivery" ("client_id");
CREATE INDEX "delivery_by_secret_id" ON "delivery" ("secret_id");
CREATE INDEX "delivery_by_until" ON "delivery" ("until");
CREATE TABLE "delivery_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"client_id" INTEGER NOT NULL,
	"secret_id" INTEGER NOT NULL,
	"sealed" BLOB,
	"sealed_to" TEXT,
	"until" INTEGER NOT NULL,
	"opened" INTEGER,
	"opened_by" TEXT,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "ended_token" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"client_id" INTEGER NOT NULL REFERENCES "client" ("id"),
	"generation" INTEGER NOT NULL,
	"jti_tag" BLOB NOT NULL,
	"expires" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("jti_tag")
) STRICT;
CREATE INDEX "ended_token_by_client_id" ON "ended_token" ("client_id");
CREATE INDEX "ended_token_by_expires" ON "ended_token" ("expires");
CREATE TABLE "ended_token_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"client_id" INTEGER NOT NULL,
	"generation" INTEGER NOT NULL,
	"jti_tag" BLOB NOT NULL,
	"expires" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "plan" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"selector" TEXT NOT NULL,
	"hash" BLOB NOT NULL,
	"totals" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "plan_by_state" ON "plan" ("state");
CREATE TABLE "plan_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"selector" TEXT NOT NULL,
	"hash" BLOB NOT NULL,
	"totals" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "plan_item" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"plan_id" INTEGER NOT NULL REFERENCES "plan" ("id"),
	"object" TEXT NOT NULL,
	"object_id" INTEGER,
	"act" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"receipt" TEXT,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "plan_item_by_plan_id" ON "plan_item" ("plan_id");
CREATE TABLE "plan_item_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"plan_id" INTEGER NOT NULL,
	"object" TEXT NOT NULL,
	"object_id" INTEGER,
	"act" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"receipt" TEXT,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "approval" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"plan_id" INTEGER NOT NULL REFERENCES "plan" ("id"),
	"hash" BLOB NOT NULL,
	"operator_id" INTEGER NOT NULL REFERENCES "operator" ("id"),
	"verdict" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "approval_by_plan_id" ON "approval" ("plan_id");
CREATE INDEX "approval_by_operator_id" ON "approval" ("operator_id");
CREATE TABLE "approval_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"plan_id" INTEGER NOT NULL,
	"hash" BLOB NOT NULL,
	"operator_id" INTEGER NOT NULL,
	"verdict" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "push_job" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"binding_id" INTEGER NOT NULL REFERENCES "binding" ("id"),
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"attempts" INTEGER NOT NULL,
	"due" INTEGER NOT NULL,
	"receipt" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "push_job_by_binding_id" ON "push_job" ("binding_id");
CREATE INDEX "push_job_by_state" ON "push_job" ("state");
CREATE INDEX "push_job_by_due" ON "push_job" ("due");
CREATE TABLE "push_job_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"binding_id" INTEGER NOT NULL,
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"attempts" INTEGER NOT NULL,
	"due" INTEGER NOT NULL,
	"receipt" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "incident" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"client_id" INTEGER REFERENCES "client" ("id"),
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"note" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32)
) STRICT;
CREATE INDEX "incident_by_client_id" ON "incident" ("client_id");
CREATE INDEX "incident_by_state" ON "incident" ("state");
CREATE TABLE "incident_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"client_id" INTEGER,
	"kind" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"note" TEXT,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "policy" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL CHECK ("version" > 0),
	"name" TEXT NOT NULL,
	"number" INTEGER NOT NULL,
	"document" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL CHECK (length("mac") = 32),
	UNIQUE ("tenant_id", "name", "number")
) STRICT;
CREATE TABLE "policy_past" (
	"id" INTEGER NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"version" INTEGER NOT NULL,
	"name" TEXT NOT NULL,
	"number" INTEGER NOT NULL,
	"document" TEXT NOT NULL,
	"created" INTEGER NOT NULL,
	"valid_from" INTEGER NOT NULL,
	"mac_key" INTEGER NOT NULL,
	"mac" BLOB NOT NULL,
	"valid_to" INTEGER NOT NULL,
	PRIMARY KEY ("id", "version")
) STRICT, WITHOUT ROWID;

CREATE TABLE "record_key" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"place" TEXT NOT NULL,
	"row_id" INTEGER NOT NULL,
	"epoch" INTEGER NOT NULL,
	"wrapped" BLOB NOT NULL,
	UNIQUE ("place", "row_id")
) STRICT;

CREATE TABLE "keyring" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"purpose" TEXT NOT NULL,
	"state" TEXT NOT NULL,
	"sealed" BLOB NOT NULL,
	"created" INTEGER NOT NULL
) STRICT;

CREATE TABLE "seal_slot" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"kind" TEXT NOT NULL
		CHECK ("kind" IN ('key-file', 'credential', 'recovery-code', 'passphrase')),
	"label" TEXT NOT NULL,
	"deployment" TEXT NOT NULL,
	"sealed" BLOB NOT NULL,
	"created" INTEGER NOT NULL
) STRICT;
CREATE INDEX "seal_slot_by_created" ON "seal_slot" ("created");

CREATE TABLE "sealed_state" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"sealed" BLOB NOT NULL
) STRICT;

CREATE TABLE "tombstone" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"place" TEXT NOT NULL,
	"row_id" INTEGER NOT NULL,
	"removed" INTEGER NOT NULL,
	UNIQUE ("place", "row_id")
) STRICT;

CREATE TABLE "audit_record" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"line" TEXT NOT NULL,
	"hash" BLOB NOT NULL,
	"mac" BLOB NOT NULL
) STRICT;

CREATE TABLE "audit_head" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"seq" INTEGER NOT NULL,
	"note" TEXT NOT NULL,
	UNIQUE ("seq")
) STRICT;

CREATE TABLE "usage" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"secret_id" INTEGER NOT NULL,
	"hour" INTEGER NOT NULL,
	"source" TEXT,
	"ods_id" INTEGER,
	UNIQUE ("secret_id")
) STRICT;

CREATE TABLE "issued" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"client_id" INTEGER NOT NULL,
	"hour" INTEGER NOT NULL,
	"count" INTEGER NOT NULL,
	UNIQUE ("client_id", "hour")
) STRICT;
CREATE INDEX "issued_by_hour" ON "issued" ("hour");

CREATE TABLE "rate_block" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"bucket" BLOB NOT NULL,
	"window" INTEGER NOT NULL,
	"reserved" INTEGER NOT NULL,
	UNIQUE ("bucket", "window")
) STRICT;
CREATE INDEX "rate_block_by_window" ON "rate_block" ("window");

CREATE TABLE "idempotency" (
	"id" INTEGER PRIMARY KEY AUTOINCREMENT,
	"key_tag" BLOB NOT NULL,
	"person" TEXT NOT NULL,
	"request_tag" BLOB NOT NULL,
	"message" INTEGER NOT NULL,
	"object_id" INTEGER NOT NULL,
	"delivery_id" INTEGER,
	"expires" INTEGER NOT NULL,
	UNIQUE ("key_tag")
) STRICT;
CREATE INDEX "idempotency_by_expires" ON "idempotency" ("expires");

-- What the reserve is made of: filled and emptied, it leaves free pages behind.
CREATE TABLE "ballast" (
	"id" INTEGER PRIMARY KEY,
	"fill" BLOB NOT NULL
) STRICT;
