#include "keyd/cli/command.h"

#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/cli/run.h"

#define IF_VERSION OPTION_BIT(OPTION_IF_VERSION)
#define ISSUING    (OPTIONS_CHANGE | OPTIONS_AGAIN | OPTIONS_DELIVER | IF_VERSION)
#define ENDING     (OPTIONS_CHANGE | OPTION_BIT(OPTION_YES))

/* Add, list, show and change of one kind. */
#define LIST(word_, path_, schema_, plural_)                                             \
	{                                                                                \
		.words = word_ " list", .operands = "", .method = "GET", .path = path_,  \
		.answer = &schema_##_schema, .options = OPTIONS_LIST,                    \
		.flags = COMMAND_LIST, .doc = "Lists " plural_ ".",                      \
		.example = "keyd " word_ " list --limit 20"                              \
	}
#define SHOW(word_, path_, schema_, operand_, a_, sample_)                               \
	{                                                                                \
		.words = word_ " show", .operands = operand_, .method = "GET",           \
		.path = path_ "/{ref}", .answer = &schema_##_schema,                     \
		.doc = "Shows " a_ ", by name or id.",                                   \
		.example = "keyd " word_ " show " sample_                                \
	}
#define ADD(word_, path_, schema_, operand_, field_, a_, example_, run_)                 \
	{                                                                                \
		.words = word_ " add", .operands = "[" operand_ "]", .method = "POST",   \
		.path = path_, .body = &schema_##_schema, .operand_field = field_,       \
		.answer = &schema_##_schema, .options = OPTIONS_CHANGE,                  \
		.doc = "Adds " a_ ".", .example = "keyd " word_ " add " example_,        \
		.run = run_                                                              \
	}
#define CHANGE(word_, path_, schema_, operand_, a_, example_)                            \
	{                                                                                \
		.words = word_ " change", .operands = operand_, .method = "PATCH",       \
		.path = path_ "/{ref}", .body = &schema_##_schema,                       \
		.answer = &schema_##_schema, .options = OPTIONS_CHANGE | IF_VERSION,     \
		.flags = COMMAND_CHANGE,                                                 \
		.doc = "Changes " a_ "; what is not named stays as it is.",              \
		.example = "keyd " word_ " change " example_                             \
	}
#define ACT(verb_, fields_, options_, flags_, answer_, run_, doc_, example_)             \
	{                                                                                \
		.words = "client " verb_, .operands = "CLIENT", .method = "POST",        \
		.path = "/keyd/clients/{ref}/" verb_, .body = &client_act_schema,        \
		.fields = fields_, .answer = &answer_##_schema, .options = options_,     \
		.flags = flags_, .run = run_, .doc = doc_, .example = example_           \
	}

static const struct command commands[] = {
	{.words = "serve",
		.operands = "",
		.options = OPTION_BIT(OPTION_FOREGROUND),
		.run = run_serve,
		.doc = "Serves until SIGTERM, Ctrl-C or keyd stop.",
		.example = "keyd serve --config /etc/keyd/keyd.yaml --foreground"},
	{.words = "init",
		.operands = "",
		.method = "POST",
		.path = "/keyd/init",
		.body = &init_schema,
		.fields = "owner tenant attended key_beside_data",
		.answer = &init_schema,
		.options = OPTION_BIT(OPTION_CODE_TO),
		.flags = COMMAND_EARLY,
		.run = run_init,
		.doc = "Makes the keys of a new keyd and its first owner. The recovery "
		       "code is shown once and must be typed back.",
		.example = "keyd init --owner alice --tenant 'State of Grand Bend'"},
	{.words = "unseal",
		.operands = "[-]",
		.method = "POST",
		.path = "/keyd/unseal",
		.body = &unseal_schema,
		.fields = "slot",
		.answer = &done_schema,
		.flags = COMMAND_EARLY,
		.run = run_unseal,
		.doc = "Opens a sealed keyd with a passphrase or the recovery code, "
		       "asked "
		       "at the terminal or read from standard input (-); with neither "
		       "the automatic slot is tried.",
		.example = "keyd unseal --slot 2"},
	{.words = "status",
		.operands = "",
		.method = "GET",
		.path = "/keyd/status",
		.answer = &status_schema,
		.options = OPTION_BIT(OPTION_ACCEPT_DAMAGE) | OPTION_BIT(OPTION_YES),
		.run = run_status,
		.doc = "Says whether keyd answers and issues, and what needs a person. "
		       "Exit code 6 when it is not ready.",
		.example = "keyd status"},
	{.words = "stop",
		.operands = "",
		.method = "POST",
		.path = "/keyd/stop",
		.answer = &done_schema,
		.options = OPTION_BIT(OPTION_YES),
		.flags = COMMAND_ENDS,
		.run = run_stop,
		.doc = "Stops keyd in order; requests in flight are finished.",
		.example = "keyd stop --yes"},
	{.words = "seal list",
		.operands = "",
		.method = "GET",
		.path = "/keyd/seal/slots",
		.answer = &seal_slot_schema,
		.flags = COMMAND_LIST,
		.doc = "Lists what can open a sealed keyd.",
		.example = "keyd seal list"},
	{.words = "seal test",
		.operands = "SLOT [-]",
		.method = "POST",
		.path = "/keyd/seal/slots/{ref}/test",
		.body = &seal_slot_schema,
		.fields = "",
		.answer = &seal_slot_schema,
		.run = run_seal_test,
		.doc = "Tries whether a slot opens. Its passphrase or code is asked at "
		       "the terminal or read from standard input (-); the automatic slot "
		       "needs none.",
		.example = "keyd seal test 1"},
	{.words = "seal add",
		.operands = "[-]",
		.method = "POST",
		.path = "/keyd/seal/slots",
		.body = &seal_slot_schema,
		.fields = "label",
		.answer = &seal_slot_schema,
		.run = run_seal_add,
		.doc = "Adds a passphrase that opens a sealed keyd, asked twice at the "
		       "terminal or read from standard input (-).",
		.example = "keyd seal add --label 'night shift'"},
	{.words = "clock show",
		.operands = "",
		.method = "GET",
		.path = "/keyd/clock",
		.answer = &clock_schema,
		.doc = "Shows the time that keyd goes by.",
		.example = "keyd clock show"},
	{.words = "clock confirm",
		.operands = "",
		.method = "POST",
		.path = "/keyd/clock/confirm",
		.answer = &clock_schema,
		.doc = "Says that this machine's clock is right: keyd follows it and its "
		       "calendar runs.",
		.example = "keyd clock confirm"},
	{.words = "config check",
		.operands = "",
		.run = run_config_check,
		.doc = "Checks the configuration without starting anything.",
		.example = "keyd config check --config /etc/keyd/keyd.yaml"},
	{.words = "config show",
		.operands = "",
		.run = run_config_show,
		.doc = "Shows every setting as it takes effect, with what it means.",
		.example = "keyd config show"},

	LIST("tenant", "/keyd/tenants", tenant, "tenants"),
	SHOW("tenant", "/keyd/tenants", tenant, "TENANT", "a tenant", "state"),
	ADD("tenant", "/keyd/tenants", tenant, "NAME", "name", "a tenant", "'Grand Bend'",
		NULL),
	CHANGE("tenant", "/keyd/tenants", tenant, "TENANT", "a tenant",
		"state --external-id GB-1"),
	LIST("year", "/keyd/years", year, "school years"),
	SHOW("year", "/keyd/years", year, "YEAR", "a school year", "2027"),
	ADD("year", "/keyd/years", year, "YEAR", "year", "a school year",
		"2027 --starts 2026-07-01 --ends 2027-06-30", NULL),
	CHANGE("year", "/keyd/years", year, "YEAR", "a school year",
		"2027 --ends 2027-07-15"),
	LIST("vendor", "/keyd/vendors", vendor, "vendors"),
	SHOW("vendor", "/keyd/vendors", vendor, "VENDOR", "a vendor", "'Acme SIS'"),
	ADD("vendor", "/keyd/vendors", vendor, "NAME", "name", "a vendor",
		"'Acme SIS' --kind sis --namespace-prefixes uri://acme.example", NULL),
	CHANGE("vendor", "/keyd/vendors", vendor, "VENDOR", "a vendor",
		"'Acme SIS' --contact 'Ann Lee'"),
	LIST("product", "/keyd/products", product, "products"),
	SHOW("product", "/keyd/products", product, "PRODUCT", "a product", "Rollbook"),
	ADD("product", "/keyd/products", product, "NAME", "name", "a vendor's product",
		"Rollbook --vendor 'Acme SIS'", NULL),
	CHANGE("product", "/keyd/products", product, "PRODUCT", "a product",
		"Rollbook --name 'Rollbook 2'"),
	LIST("edorg", "/keyd/education-organizations", edorg, "education organizations"),
	SHOW("edorg", "/keyd/education-organizations", edorg, "EDORG",
		"an education organization", "255901"),
	ADD("edorg", "/keyd/education-organizations", edorg, "NAME", "name",
		"an education organization",
		"'Grand Bend ISD' --number 255901 --kind lea --parent 255950", NULL),
	CHANGE("edorg", "/keyd/education-organizations", edorg, "EDORG",
		"an education organization", "255901 --name 'Grand Bend Schools'"),
	LIST("ods", "/keyd/ods-instances", ods, "ODS instances"),
	SHOW("ods", "/keyd/ods-instances", ods, "ODS", "an ODS instance", "'State 2027'"),
	ADD("ods", "/keyd/ods-instances", ods, "NAME", "name", "an ODS instance",
		"'State 2027' --stage production --school-year 2027 --check-mode "
		"introspect",
		NULL),
	CHANGE("ods", "/keyd/ods-instances", ods, "ODS", "an ODS instance",
		"'State 2027' --api-url https://ods.example/2027"),
	{.words = "ods caller add",
		.operands = "ODS",
		.method = "POST",
		.path = "/keyd/callers",
		.body = &caller_schema,
		.operand_field = "ods",
		.answer = &caller_schema,
		.options = OPTIONS_CHANGE | OPTION_BIT(OPTION_TO),
		.flags = COMMAND_DELIVERS,
		.run = run_caller_add,
		.doc = "Makes the credential with which an ODS asks keyd about tokens; "
		       "it is shown once.",
		.example = "keyd ods caller add 'State 2027' --cache-seconds 5"},
	{.words = "ods caller list",
		.operands = "",
		.method = "GET",
		.path = "/keyd/callers",
		.answer = &caller_schema,
		.options = OPTIONS_LIST,
		.flags = COMMAND_LIST,
		.doc = "Lists the credentials with which ODS instances ask keyd.",
		.example = "keyd ods caller list"},
	LIST("claimset", "/keyd/claimsets", claimset, "claimsets"),
	SHOW("claimset", "/keyd/claimsets", claimset, "CLAIMSET", "a claimset",
		"'SIS Vendor'"),
	LIST("application", "/keyd/applications", application, "applications"),
	SHOW("application", "/keyd/applications", application, "APPLICATION",
		"an application", "'Rollbook 255901'"),
	ADD("application", "/keyd/applications", application, "NAME", "name",
		"a vendor's product for education organizations in a school year",
		"'Rollbook 255901' --vendor 'Acme SIS' --school-year 2027 --claimset "
		"'SIS Vendor' --education-organizations 255901 --ods 'State 2027'",
		NULL),
	CHANGE("application", "/keyd/applications", application, "APPLICATION",
		"an application", "'Rollbook 255901' --ends 2027-06-15"),
	LIST("operator", "/keyd/operators", operator, "the people who work with keyd"),
	SHOW("operator", "/keyd/operators", operator, "OPERATOR", "an operator",
		"'Ann Lee'"),
	ADD("operator", "/keyd/operators", operator, "NAME", "name",
		"a person who works with keyd, with what they may do",
		"'Ann Lee' --user ann --role hub,scope=255950,ends=2027-06-30",
		run_operator_add),
	CHANGE("operator", "/keyd/operators", operator, "OPERATOR", "an operator",
		"'Ann Lee' --role state --role auditor"),
	LIST("signing-key", "/keyd/signing-keys", signing_key,
		"the keys that sign tokens"),
	{.words = "signing-key rotate",
		.operands = "",
		.method = "POST",
		.path = "/keyd/signing-keys/rotate",
		.answer = &signing_key_schema,
		.options = OPTIONS_CHANGE,
		.doc = "Lets the published spare sign from now on and publishes a new "
		       "spare.",
		.example = "keyd signing-key rotate"},
	{.words = "signing-key withdraw",
		.operands = "KID",
		.method = "POST",
		.path = "/keyd/signing-keys/{ref}/withdraw",
		.answer = &signing_key_schema,
		.options = ENDING,
		.flags = COMMAND_ENDS,
		.run = run_key_withdraw,
		.doc = "Takes a key out of the published set; every token that it signed "
		       "ends.",
		.example = "keyd signing-key withdraw "
			   "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},

	LIST("client", "/keyd/clients", client, "clients"),
	SHOW("client", "/keyd/clients", client, "CLIENT", "a client with its secrets",
		"42"),
	ADD("client", "/keyd/clients", client, "NAME", "name",
		"a client: a key, held by a vendor's system or a person",
		"'Rollbook Grand Bend' --application 'Rollbook 255901' --school-year "
		"2027",
		NULL),
	CHANGE("client", "/keyd/clients", client, "CLIENT", "a client",
		"42 --name 'Rollbook Grand Bend East'"),
	ACT("issue", "label not_after reason", ISSUING, COMMAND_DELIVERS, envelope,
		run_deliver,
		"Makes a client's first secret and shows it once, on the terminal or "
		"with --to in a new file.",
		"keyd client issue 42 --to grand-bend.txt"),
	ACT("deliver", "secret_number reason", OPTIONS_DELIVER, COMMAND_DELIVERS,
		envelope, run_deliver,
		"Shows a secret that was made and has not been received yet.",
		"keyd client deliver 42"),
	ACT("rotate", "label not_after overlap_days quiet_days reason", ISSUING,
		COMMAND_DELIVERS, envelope, run_deliver,
		"Puts a new secret beside the old one, under the same key; both work "
		"until the old one ends.",
		"keyd client rotate 42 --overlap-days 30"),
	ACT("suspend", "reason", ENDING | IF_VERSION, COMMAND_ENDS, client,
		run_client_end,
		"Pauses a client: its tokens end at once. resume lets it work again.",
		"keyd client suspend 42 --reason 'data being cleaned'"),
	ACT("resume", "reason", OPTIONS_CHANGE | IF_VERSION, 0, client, NULL,
		"Lets a suspended client work again.", "keyd client resume 42"),
	ACT("quarantine", "secret_number reason", ENDING | IF_VERSION, COMMAND_ENDS,
		client, run_client_end,
		"Stops a client, or one secret of it, that may have leaked: its tokens "
		"end at once. release lets it work again with a new secret.",
		"keyd client quarantine 42 --secret 2 --reason 'seen in a log'"),
	ACT("release", "label not_after reason", ISSUING, COMMAND_DELIVERS, envelope,
		run_deliver,
		"Takes a client out of quarantine with a new secret; the former ones are "
		"revoked.",
		"keyd client release 42 --reason 'not leaked after all'"),
	ACT("revoke", "secret_number reason", ENDING | IF_VERSION, COMMAND_ENDS, client,
		run_client_end,
		"Ends a client, or one secret of it, for good: its tokens end at once.",
		"keyd client revoke 42 --reason 'contract ended'"),
	{.words = "client find",
		.operands = "[TEXT]",
		.method = "POST",
		.path = "/keyd/find",
		.body = &find_ask_schema,
		.fields = "",
		.operand_field = "text",
		.answer = &find_hit_schema,
		.run = run_find,
		.doc = "Whose is this? TEXT is a key, part of one (at least 4 "
		       "characters), a name or an id. A secret, a token or a line of a "
		       "log is pasted at the prompt that comes without TEXT, or piped in "
		       "(-): it leaves no trace. Offers to stop what was found.",
		.example = "keyd client find"},

	{.words = "secret check",
		.operands = "-",
		.run = run_secret_check,
		.doc = "Says whether a secret is well-formed, and in which group a "
		       "typing "
		       "error is, without asking keyd. It is asked at the terminal, or "
		       "read from standard input.",
		.example = "keyd secret check -"},
	{.words = "audit list",
		.operands = "",
		.method = "GET",
		.path = "/keyd/audit",
		.answer = &audit_schema,
		.options = OPTIONS_LIST & ~OPTION_BIT(OPTION_AT),
		.flags = COMMAND_LIST,
		.doc = "Lists what was done, the newest first.",
		.example = "keyd audit list --action client.revoke"},
	{.words = "audit verify",
		.operands = "[FILE]",
		.method = "GET",
		.path = "/keyd/audit/verify",
		.answer = &audit_verify_schema,
		.run = run_audit_verify,
		.doc = "Checks the audit chain of keyd, or an exported one without "
		       "asking "
		       "keyd. Exit code 1 when a record was changed, dropped or "
		       "inserted.",
		.example = "keyd audit verify audit-2027.log"},
	{.words = "audit export",
		.operands = "[NEWFILE]",
		.method = "GET",
		.path = "/keyd/audit/export",
		.run = run_audit_export,
		.doc = "Writes the whole audit chain to standard output or a new file.",
		.example = "keyd audit export audit-2027.log"},
	{.words = "backup",
		.operands = "NEWFILE",
		.method = "POST",
		.path = "/keyd/backup",
		.run = run_backup,
		.doc = "Writes an encrypted backup of all of keyd into a new file.",
		.example = "keyd backup keyd-2026-11-24.backup"},
	{.words = "backup check",
		.operands = "FILE [-]",
		.method = "POST",
		.path = "/keyd/backup/check",
		.body = &backup_ask_schema,
		.fields = "",
		.answer = &backup_schema,
		.run = run_backup_check,
		.doc = "Reads a backup whole, with the recovery code or a passphrase, "
		       "and "
		       "says what is in it.",
		.example = "keyd backup check keyd-2026-11-24.backup"},
	{.words = "restore",
		.operands = "FILE [-]",
		.method = "POST",
		.path = "/keyd/restore",
		.body = &backup_ask_schema,
		.fields = "owner last_ran accept_gap key_beside_data",
		.answer = &backup_schema,
		.options = OPTION_BIT(OPTION_YES),
		.flags = COMMAND_ENDS | COMMAND_EARLY,
		.run = run_restore,
		.doc = "Fills an empty keyd from a backup, with the recovery code or a "
		       "passphrase, then ends again what the audit sink says has ended "
		       "since. Tokens issued before end.",
		.example = "keyd restore keyd-2026-11-24.backup --last-ran "
			   "2026-11-24T17:00:00Z"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

size_t
commands_count(void)
{
	return COMMANDS;
}

const struct command *
command_at(size_t i)
{
	return i < COMMANDS ? &commands[i] : NULL;
}

const struct command *
command_find(const char *words)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].words, words) == 0)
			return &commands[i];
	}
	return NULL;
}
