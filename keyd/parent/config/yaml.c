#include "keyd/parent/config/tree.h"

#include <string.h>

#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct arena *arena;
	struct fault *fault;
};

static unsigned
line_of(yaml_mark_t mark)
{
	return (unsigned)mark.line + 1;
}

static enum kerr
refuse(struct reader *r, yaml_mark_t mark, const char *what)
{
	return fault_set(r->fault, KERR_INVALID, "", "%s, line %u: %s", r->file,
		line_of(mark), what);
}

static enum kerr
next_event(struct reader *r, yaml_event_t *ret)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, ret))
		return KERR_OK;
	if (p->error == YAML_MEMORY_ERROR)
		return fault_set(r->fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	if (p->error == YAML_READER_ERROR)
		return fault_set(r->fault, KERR_INVALID, "",
			"%s, byte %zu: %s; the file must be plain UTF-8 text", r->file,
			p->problem_offset, p->problem);
	return fault_set(r->fault, KERR_INVALID, "", "%s, line %u: %s%s%s", r->file,
		line_of(p->problem_mark), p->problem ? p->problem : "this is not YAML",
		p->context ? " " : "", p->context ? p->context : "");
}

static struct tree *
new_node(struct reader *r, enum tree_kind kind, yaml_mark_t mark)
{
	struct tree *node = arena_alloc(r->arena, sizeof(*node));

	if (!node) {
		fault_set(r->fault, KERR_NOMEM, "", "%s is too large", r->file);
		return NULL;
	}
	node->kind = kind;
	node->line = line_of(mark);
	return node;
}

static enum kerr
take_scalar(struct reader *r, const yaml_event_t *e, struct tree **ret)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct tree *node;

	if (strlen(value) != len)
		return refuse(r, e->start_mark, "a text must not hold a NUL");
	node = new_node(r, TREE_SCALAR, e->start_mark);
	if (!node)
		return KERR_NOMEM;
	node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_copy(r->arena, value, len);
	if (!node->text)
		return fault_set(r->fault, KERR_NOMEM, "", "%s is too large", r->file);
	*ret = node;
	return KERR_OK;
}

static bool
is_decorated(const yaml_event_t *e)
{
	if (e->type == YAML_SCALAR_EVENT)
		return e->data.scalar.anchor || e->data.scalar.tag;
	if (e->type == YAML_SEQUENCE_START_EVENT)
		return e->data.sequence_start.anchor || e->data.sequence_start.tag;
	if (e->type == YAML_MAPPING_START_EVENT)
		return e->data.mapping_start.anchor || e->data.mapping_start.tag;
	return e->type == YAML_ALIAS_EVENT;
}

static enum kerr read_value(
	struct reader *r, const yaml_event_t *e, unsigned depth, struct tree **ret);

static enum kerr
check_key(struct reader *r, const struct tree *map, const yaml_event_t *e,
	const struct tree *key)
{
	for (const struct tree *t = map->first; t; t = t->next) {
		if (strcmp(t->key, key->text) == 0)
			return fault_set(r->fault, KERR_INVALID, key->text,
				"%s, line %u: '%s' was given on line %u already; keep "
				"one of them",
				r->file, line_of(e->start_mark), key->text, t->key_line);
	}
	return KERR_OK;
}

static enum kerr
read_key(struct reader *r, const struct tree *map, const yaml_event_t *e,
	struct tree **ret)
{
	enum kerr err;

	if (e->type != YAML_SCALAR_EVENT || is_decorated(e))
		return refuse(r, e->start_mark, "a key is a plain word before a colon");
	err = take_scalar(r, e, ret);
	return err == KERR_OK ? check_key(r, map, e, *ret) : err;
}

/* The elements of a list, or the entries of a map, up to its end. */
static enum kerr
read_children(struct reader *r, struct tree *parent, unsigned depth)
{
	struct tree **tail = &parent->first;
	yaml_event_type_t end = parent->kind == TREE_MAP ? YAML_MAPPING_END_EVENT
							 : YAML_SEQUENCE_END_EVENT;

	for (;;) {
		struct tree *key = NULL;
		struct tree *child = NULL;
		yaml_event_t e;
		bool ended;
		enum kerr err = next_event(r, &e);

		if (err != KERR_OK)
			return err;
		ended = e.type == end;
		if (!ended && parent->kind == TREE_MAP) {
			err = read_key(r, parent, &e, &key);
			yaml_event_delete(&e);
			if (err == KERR_OK)
				err = next_event(r, &e);
			if (err != KERR_OK)
				return err;
		}
		if (!ended)
			err = read_value(r, &e, depth, &child);
		yaml_event_delete(&e);
		if (ended || err != KERR_OK)
			return err;
		child->key = key ? key->text : NULL;
		child->key_line = key ? key->line : 0;
		*tail = child;
		tail = &child->next;
	}
}

static enum kerr
read_value(struct reader *r, const yaml_event_t *e, unsigned depth, struct tree **ret)
{
	bool map = e->type == YAML_MAPPING_START_EVENT;
	struct tree *node;

	if (is_decorated(e))
		return refuse(r, e->start_mark,
			"anchors (&), aliases (*) and tags (!) are not taken; write the "
			"value itself, in quotes if it begins like one");
	if (e->type == YAML_SCALAR_EVENT)
		return take_scalar(r, e, ret);
	if (depth == TREE_DEPTH_MAX)
		return refuse(r, e->start_mark, "nested too deeply");
	node = new_node(r, map ? TREE_MAP : TREE_LIST, e->start_mark);
	if (!node)
		return KERR_NOMEM;
	*ret = node;
	return read_children(r, node, depth + 1);
}

/* The events around the one document: stream and document start before it, their ends
 * behind it. */
static enum kerr
expect(struct reader *r, yaml_event_type_t type)
{
	yaml_event_t e;
	enum kerr err = next_event(r, &e);

	if (err != KERR_OK)
		return err;
	if (e.type != type)
		err = refuse(r, e.start_mark, "one document only, without a second ---");
	yaml_event_delete(&e);
	return err;
}

static enum kerr
read_stream(struct reader *r, struct tree **ret)
{
	yaml_event_t e;
	enum kerr err = expect(r, YAML_STREAM_START_EVENT);

	if (err == KERR_OK)
		err = next_event(r, &e);
	if (err != KERR_OK)
		return err;
	if (e.type == YAML_STREAM_END_EVENT) {
		*ret = new_node(r, TREE_MAP, e.start_mark);
		yaml_event_delete(&e);
		return *ret ? KERR_OK : KERR_NOMEM;
	}
	yaml_event_delete(&e);
	err = next_event(r, &e);
	if (err != KERR_OK)
		return err;
	err = read_value(r, &e, 0, ret);
	yaml_event_delete(&e);
	if (err == KERR_OK)
		err = expect(r, YAML_DOCUMENT_END_EVENT);
	return err == KERR_OK ? expect(r, YAML_STREAM_END_EVENT) : err;
}

enum kerr
tree_read(const char *file, const char *bytes, size_t len, struct arena *a,
	struct tree **ret, struct fault *fault)
{
	struct reader r = {.file = file, .arena = a, .fault = fault};
	struct tree *tree = NULL;
	enum kerr err;

	if (!yaml_parser_initialize(&r.parser))
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
	err = read_stream(&r, &tree);
	yaml_parser_delete(&r.parser);
	if (err == KERR_OK)
		*ret = tree;
	return err;
}
