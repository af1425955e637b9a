/* secret_reveal() is elsewhere */
int
front_none(void)
{
	return secret_equal(0, 0);
}
