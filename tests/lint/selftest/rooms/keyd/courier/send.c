#include <curl/curl.h>
#include <glib.h>
