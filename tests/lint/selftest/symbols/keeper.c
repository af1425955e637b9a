int socket(int domain, int type, int protocol);
int sqlite3_open(const char *name, void **db);
int llhttp_execute(void *parser);

int
main(void)
{
	void *db;

	return socket(1, 2, 3) + sqlite3_open("x", &db) + llhttp_execute(db);
}
