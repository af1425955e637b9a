void *
open_it(struct secret *s)
{
	return secret_open(s);
}
