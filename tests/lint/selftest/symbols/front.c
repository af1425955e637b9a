int sqlite3_open(const char *name, void **db);
int curl_easy_perform(void *curl);
int json_object_size(void *json);

int
main(void)
{
	void *db;

	return sqlite3_open("x", &db) + curl_easy_perform(db) + json_object_size(db);
}
