#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/routes.h"
#include "keyd/role/gate.h"

/* Prints the OpenAPI 3.1 document of keyd's HTTP interface: a path for each route, a
 * component for each schema that a route reads or writes. Nothing is said here that does
 * not stand in those two tables. */

#define DOCUMENT_MAX (4u << 20)
#define SCHEMAS_MAX  128

struct document {
	struct buf out;
	const struct schema *schemas[SCHEMAS_MAX];
	size_t count;
};

static void
put(struct document *d, const char *text)
{
	buf_put_text(&d->out, text);
}

static void
put_string(struct document *d, const char *text)
{
	json_put_string(&d->out, text, strlen(text));
}

/* Remembers a schema for the components and writes its reference. */
static void
put_reference(struct document *d, const struct schema *s)
{
	size_t i;

	for (i = 0; i < d->count && d->schemas[i] != s; i++)
		;
	if (i == d->count && d->count < SCHEMAS_MAX)
		d->schemas[d->count++] = s;
	buf_printf(&d->out, "{\"$ref\":\"#/components/schemas/%s\"}", s->name);
}

static void
put_words(struct document *d, const char *const *words)
{
	size_t i;

	put(d, "\"type\":\"string\",\"enum\":[");
	for (i = 0; words != NULL && words[i] != NULL; i++) {
		put(d, i > 0 ? "," : "");
		put_string(d, words[i]);
	}
	put(d, "]");
}

static void
put_number(struct document *d, const struct field *f)
{
	buf_printf(&d->out,
		"\"type\":\"integer\",\"format\":\"int64\",\"minimum\":%" PRId64
		",\"maximum\":%" PRId64,
		f->min, f->max);
}

static void
put_text(struct document *d, const struct field *f, const char *format)
{
	put(d, "\"type\":\"string\"");
	if (format != NULL)
		buf_printf(&d->out, ",\"format\":\"%s\"", format);
	else
		buf_printf(&d->out, ",\"minLength\":%" PRId64 ",\"maxLength\":%" PRId64,
			f->min, f->max);
}

static void
put_list(struct document *d, const struct field *f, const char *items)
{
	buf_printf(&d->out,
		"\"type\":\"array\",\"minItems\":%" PRId64 ",\"maxItems\":%" PRId64
		",\"items\":",
		f->min, f->max);
	if (items != NULL)
		put(d, items);
	else
		put_reference(d, f->sub);
}

static void
put_type(struct document *d, const struct field *f)
{
	switch (f->type) {
	case FIELD_BOOL:
		put(d, "\"type\":\"boolean\"");
		break;
	case FIELD_INT:
		put_number(d, f);
		break;
	case FIELD_TIME:
		put_text(d, f, "date-time");
		break;
	case FIELD_DATE:
		put_text(d, f, "date");
		break;
	case FIELD_TEXT:
		put_text(d, f, NULL);
		break;
	case FIELD_ENUM:
		put_words(d, f->words);
		break;
	case FIELD_BYTES:
		put_text(d, f, "base64url");
		break;
	case FIELD_SECRET:
		put_text(d, f, "password");
		break;
	case FIELD_INTS:
		put_list(d, f, "{\"type\":\"integer\",\"format\":\"int64\"}");
		break;
	case FIELD_TEXTS:
		put_list(d, f, "{\"type\":\"string\"}");
		break;
	case FIELD_RECORDS:
		put_list(d, f, NULL);
		break;
	case FIELD__COUNT:
		break;
	}
}

static void
put_schema(struct document *d, const struct schema *s)
{
	unsigned i, required = 0;

	put_string(d, s->name);
	put(d, ":{\"type\":\"object\",\"description\":");
	put_string(d, s->doc);
	put(d, ",\"additionalProperties\":false,\"properties\":{");
	for (i = 0; i < s->count; i++) {
		const struct field *f = &s->fields[i];

		put(d, i > 0 ? "," : "");
		put_string(d, f->name);
		put(d, ":{");
		put_type(d, f);
		put(d, ",\"description\":");
		put_string(d, f->doc);
		put(d, (f->flags & FIELD_SERVER) != 0 ? ",\"readOnly\":true}" : "}");
	}
	put(d, "}");
	for (i = 0; i < s->count; i++) {
		if ((s->fields[i].flags & FIELD_REQUIRED) == 0)
			continue;
		put(d, required++ > 0 ? "," : ",\"required\":[");
		put_string(d, s->fields[i].name);
	}
	put(d, required > 0 ? "]}" : "}");
}

/* What the body of a route is: the body of the request about one object, or the question
 * itself. */
static const struct schema *
body_of(const struct gate_row *row)
{
	int body = row->asked != NULL ? schema_field(row->asked, "body") : -1;

	return body >= 0 ? row->asked->fields[body].sub : NULL;
}

static void
put_parameter(struct document *d, bool *first, const char *in, const char *name,
	const char *type, const char *doc)
{
	buf_printf(&d->out,
		"%s{\"in\":\"%s\",\"name\":\"%s\",\"required\":%s,\"schema\":{\"type\":"
		"\"%s\"},"
		"\"description\":",
		*first ? "" : ",", in, name, strcmp(in, "path") == 0 ? "true" : "false",
		type);
	put_string(d, doc);
	put(d, "}");
	*first = false;
}

static void
put_filters(struct document *d, bool *first, const struct schema *list)
{
	const struct schema *item = list->fields[LIST_ITEMS].sub;
	unsigned i;

	for (i = 0; item != NULL && i < item->count; i++)
		if ((item->fields[i].flags & FIELD_FILTER) != 0)
			put_parameter(d, first, "query", item->fields[i].name, "string",
				"only those with this value");
}

static void
put_parameters(struct document *d, const struct route *r, const struct gate_row *row)
{
	bool first = true;

	put(d, "\"parameters\":[");
	if (strstr(r->path, "{ref}") != NULL)
		put_parameter(d, &first, "path", "ref", "string",
			"id, key, number or name of the object");
	if (row != NULL && row->asked == &list_ask_schema) {
		put_parameter(d, &first, "query", "limit", "integer", "how many at most");
		put_parameter(d, &first, "query", "after", "string",
			"cursor of the former page");
		put_parameter(d, &first, "query", "sort", "string",
			"field to sort by; - before it: from the end");
		put_filters(d, &first, row->answered);
	} else if (row != NULL && row->asked != NULL && r->body_max > 0) {
		put_parameter(d, &first, "header", "If-Match", "string",
			"version that was seen; another one is refused");
		put_parameter(d, &first, "header", "Idempotency-Key", "string",
			"at least 128 random bits: the same request gets the same "
			"answer");
		put_parameter(d, &first, "query", "dry_run", "boolean",
			"check, change nothing");
		put_parameter(
			d, &first, "query", "accept", "boolean", "warnings are accepted");
	}
	put(d, "]");
}

static void
put_body(struct document *d, const struct route *r, const struct gate_row *row)
{
	if (r->body_max == 0)
		return;
	if ((r->flags & ROUTE_OAUTH) != 0) {
		put(d, ",\"requestBody\":{\"content\":{\"application/"
		       "x-www-form-urlencoded\":{\"schema\":"
		       "{\"type\":\"object\"}},\"application/"
		       "json\":{\"schema\":{\"type\":\"object\"}}}}");
	} else if ((r->flags & ROUTE_UPLOAD) != 0) {
		put(d, ",\"requestBody\":{\"content\":{\"application/"
		       "x-keyd-restore\":{\"schema\":"
		       "{\"type\":\"string\",\"format\":\"binary\"}}}}");
	} else if (row != NULL && body_of(row) != NULL) {
		put(d, ",\"requestBody\":{\"content\":{\"application/"
		       "json\":{\"schema\":");
		put_reference(d, body_of(row));
		put(d, "}}}");
	}
}

static const char *const methods[] = {[HTTP_METHOD_GET] = "get",
	[HTTP_METHOD_POST] = "post",
	[HTTP_METHOD_PATCH] = "patch"};

static void
put_operation(struct document *d, const struct route *r)
{
	const struct gate_row *row = r->message != 0 ? gate_find(r->message) : NULL;
	bool created = (r->flags & ROUTE_CREATED) != 0;

	buf_printf(&d->out, "\"%s\":{\"operationId\":\"%s\",\"tags\":[%s%s%s],",
		methods[r->method], r->name,
		(r->doors & DOOR_PUBLIC) != 0 ? "\"public\"" : "",
		(r->doors & DOOR_ADMIN) != 0 ? "\"admin\",\"local\"" : "",
		(r->doors & (DOOR_PUBLIC | DOOR_ADMIN)) == 0 ? "\"local\"" : "");
	put_parameters(d, r, row);
	put_body(d, r, row);
	buf_printf(&d->out, ",\"responses\":{\"%s\":{\"description\":\"done\"",
		created ? "201" : "200");
	if ((r->flags & ROUTE_DOCUMENT) != 0) {
		put(d, ",\"content\":{\"application/octet-stream\":{}}");
	} else if (row != NULL && row->answered != NULL) {
		put(d, ",\"content\":{\"application/json\":{\"schema\":");
		put_reference(d, row->answered);
		put(d, "}}");
	}
	buf_printf(&d->out, "},\"default\":{\"description\":\"%s\"}}}",
		(r->flags & ROUTE_OAUTH) != 0 ? "error of RFC 6749 section 5.2"
					      : "problem document of RFC 9457");
}

/* One path item for all rows of that path; rows of a path need not be neighbours. */
static void
put_path(struct document *d, size_t at)
{
	const char *path = route_at(at)->path;
	bool first = true;
	size_t i;

	put_string(d, path);
	put(d, ":{");
	for (i = at; i < routes_count(); i++) {
		if (strcmp(route_at(i)->path, path) != 0)
			continue;
		put(d, first ? "" : ",");
		put_operation(d, route_at(i));
		first = false;
	}
	put(d, "}");
}

static bool
is_first_of_its_path(size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (strcmp(route_at(i)->path, route_at(at)->path) == 0)
			return false;
	return true;
}

static void
put_document(struct document *d)
{
	bool first = true;
	size_t i;

	put(d, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"keyd\",\"version\":\"1\","
	       "\"license\":"
	       "{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"},\"description\":"
	       "\"Routes tagged "
	       "public are served over HTTPS to vendors and ODS servers; local ones on "
	       "the Unix socket "
	       "as the user at its other end; admin ones on the admin door "
	       "too.\"},\n\"paths\":{\n");
	for (i = 0; i < routes_count(); i++) {
		if (!is_first_of_its_path(i))
			continue;
		put(d, first ? "" : ",\n");
		put_path(d, i);
		first = false;
	}
	put(d, "\n},\n\"components\":{\"schemas\":{\n");
	/* The list grows while its members name others. */
	for (i = 0; i < d->count; i++) {
		put(d, i > 0 ? ",\n" : "");
		put_schema(d, d->schemas[i]);
	}
	put(d, "\n}}}\n");
}

int
main(void)
{
	struct document d = {.count = 0};
	int rc = 1;

	buf_init(&d.out, DOCUMENT_MAX);
	put_document(&d);
	if (buf_error(&d.out) == KERR_OK &&
		fwrite(d.out.data, 1, d.out.len, stdout) == d.out.len &&
		fflush(stdout) == 0)
		rc = 0;
	buf_clear(&d.out);
	return rc;
}
