#ifndef KEYD_KEEPER_MODEL_LINKS_H
#define KEYD_KEEPER_MODEL_LINKS_H

#include "keyd/keeper/model/shape.h"

/* What an application works for and on: rows that link it with organizations and ODS
 * instances. */

/* Ids that a body names; a list that it leaves out stays as it is. */
struct links {
	bool has_edorgs, has_ods;
	struct shape_ids edorgs, ods;
};
/* Resolves the body of an application: organizations exist and are open, instances are of
 * the school year and not retired. */
enum kerr links_read(struct op *op, const struct record *body, int64_t year,
	struct links *ret) MUST_CHECK;
/* Removes and inserts what differs. */
enum kerr links_write(struct op *op, const struct record *application,
	const struct links *links) MUST_CHECK;
/* The numbers of the organizations, and the names of the instances, into a list field. */
enum kerr links_fill_edorgs(struct op *op, int64_t application, struct record *ret,
	unsigned field) MUST_CHECK;
enum kerr links_fill_ods(struct op *op, int64_t application, struct record *ret,
	unsigned field) MUST_CHECK;

#endif
