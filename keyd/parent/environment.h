#ifndef KEYD_PARENT_ENVIRONMENT_H
#define KEYD_PARENT_ENVIRONMENT_H

/* What the roles inherit of the parent's environment: next to nothing. */

/* A NULL-terminated list of "NAME=value"; NULL when there is no memory. The texts are
 * borrowed from the parent's own environment. */
char **environment_new(void);
void environment_free(char **environment); /* NULL is fine */

#endif
