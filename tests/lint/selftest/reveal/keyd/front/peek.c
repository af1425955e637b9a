const void *
front_peek(struct secret *s)
{
	return secret_reveal(s);
}
