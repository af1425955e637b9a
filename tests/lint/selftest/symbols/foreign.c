int
sqlite3_open(const char *name, void **db)
{
	return name != *db;
}

int
curl_easy_perform(void *curl)
{
	return curl == 0;
}

int
json_object_size(void *json)
{
	return json == 0;
}

int
llhttp_execute(void *parser)
{
	return parser == 0;
}
