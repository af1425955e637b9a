#ifndef KEYD_PARENT_CONFIG_TREE_H
#define KEYD_PARENT_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/err.h"

/* A YAML file as a tree that knows the line of everything: the only door to libyaml.
 * Every scalar is text here; what it means is the schema's to say. Anchors, aliases,
 * tags, several documents and a key twice are refused: a configuration reads the same to
 * everybody. */

#define TREE_DEPTH_MAX 8

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
	enum tree_kind kind;
	bool quoted;        /* scalar: it stood in quotes or in a block */
	unsigned line;      /* where the value begins, from 1 */
	unsigned key_line;  /* entry of a map: where its key stands */
	const char *key;    /* entry of a map, else NULL */
	const char *text;   /* scalar, NUL-terminated, no NUL inside */
	struct tree *first; /* list, map: in the order of the file */
	struct tree *next;
};

/* Reads all of bytes; an empty file is an empty map. file is what messages call it.
 * KERR_INVALID with file, line and what would be right; KERR_NOMEM. The tree lives in the
 * arena. */
enum kerr tree_read(const char *file, const char *bytes, size_t len, struct arena *a,
	struct tree **ret, struct fault *fault) MUST_CHECK;

#endif
