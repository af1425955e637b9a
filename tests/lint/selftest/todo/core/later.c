/* TODO: one day */
int todo_list; /* mkstemp("XXXXXX") */
// FIXME
