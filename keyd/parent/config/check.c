#include "keyd/parent/config/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "keyd/parent/config/address.h"

enum kerr
config_refuse(const struct config_lines *lines, enum settings_field f,
	struct fault *fault, const char *fmt, ...)
{
	const char *path = settings_row(f)->path;
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (lines->of[f])
		return fault_set(fault, KERR_INVALID, path, "%s, line %u: %s: %s",
			lines->file, lines->of[f], path, what);
	return fault_set(
		fault, KERR_INVALID, path, "%s: %s: %s", lines->file, path, what);
}

typedef enum kerr (*check_fn)(const struct record *settings,
	const struct config_lines *lines, enum settings_field f, struct fault *fault);

static enum kerr
check_path(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	const char *path = record_text(settings, f);

	if (!*path || path[0] == '/')
		return KERR_OK;
	return config_refuse(lines, f, fault,
		"'%.100s' depends on where keyd is started; write the whole path, from /",
		path);
}

static enum kerr
check_listen(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	for (size_t i = 0; i < record_count(settings, f); i++) {
		const char *text = record_text_at(settings, f, i);
		struct address address;

		if (address_read(text, &address) == KERR_OK)
			continue;
		return config_refuse(lines, f, fault,
			"'%.80s' is no address; write 127.0.0.1:8443, or \"[::1]:8443\" "
			"in "
			"quotes",
			text);
	}
	return KERR_OK;
}

static enum kerr
check_networks(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	for (size_t i = 0; i < record_count(settings, f); i++) {
		const char *text = record_text_at(settings, f, i);

		if (!address_is_network(text))
			return config_refuse(lines, f, fault,
				"'%.80s' is no network; write 10.0.0.0/8, with nothing "
				"set behind the prefix",
				text);
	}
	return KERR_OK;
}

/* cf. RFC 8414 Section 2: an issuer has no query or fragment. */
static enum kerr
check_url(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	static const char https[] = "https://";
	const char *url = record_text(settings, f);
	const char *host = url + sizeof(https) - 1;
	size_t len = strlen(url);

	if (strncmp(url, https, sizeof(https) - 1) != 0 || !*host || *host == '/')
		return config_refuse(lines, f, fault,
			"'%.100s' must be https:// and a host, as vendors reach it", url);
	if (strcspn(url, "?# \"\\<>@") != len)
		return config_refuse(
			lines, f, fault, "leave out query, fragment, user and blanks");
	if (url[len - 1] == '/')
		return config_refuse(lines, f, fault, "leave out the '/' at its end");
	return KERR_OK;
}

static enum kerr
check_name(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	const char *name = record_text(settings, f);

	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_.-") == strlen(name) &&
		*name != '-')
		return KERR_OK;
	return config_refuse(
		lines, f, fault, "'%.40s' is no name of a user or group", name);
}

/* cf. RFC 9110 Section 5.6.2 */
static enum kerr
check_header(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	const char *name = record_text(settings, f);

	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789!#$%&'*+-.^_`|~") != strlen(name))
		return config_refuse(lines, f, fault,
			"'%.64s' is no header's name; write one like X-Forwarded-For",
			name);
	if (*name && !record_count(settings, SETTINGS_TRUSTED_PROXIES))
		return config_refuse(lines, f, fault,
			"nobody is in trusted_proxies, so the header would never be "
			"believed");
	return KERR_OK;
}

static enum kerr
check_zone(const struct record *settings, const struct config_lines *lines,
	enum settings_field f, struct fault *fault)
{
	const char *zone = record_text(settings, f);

	if (!strstr(zone, "..") && *zone != '/' && clock_zone_load(zone, NULL) == KERR_OK)
		return KERR_OK;
	return config_refuse(lines, f, fault,
		"'%.64s' is no zone this machine has; write one like America/Chicago, or "
		"UTC (zones are in Debian's package tzdata)",
		zone);
}

static const struct {
	enum settings_field f;
	check_fn check;
} checks[] = {
	{SETTINGS_STATE_DIRECTORY, check_path},
	{SETTINGS_AUDIT_SINK, check_path},
	{SETTINGS_SEAL_KEY_FILE, check_path},
	{SETTINGS_SOCKET, check_path},
	{SETTINGS_CERTIFICATE, check_path},
	{SETTINGS_TLS_KEY, check_path},
	{SETTINGS_PUBLIC_LISTEN, check_listen},
	{SETTINGS_ADMIN_LISTEN, check_listen},
	{SETTINGS_TRUSTED_PROXIES, check_networks},
	{SETTINGS_PROXY_HEADER, check_header},
	{SETTINGS_PUBLIC_URL, check_url},
	{SETTINGS_SOCKET_GROUP, check_name},
	{SETTINGS_USER_FRONT, check_name},
	{SETTINGS_USER_KEEPER, check_name},
	{SETTINGS_USER_COURIER, check_name},
	{SETTINGS_TIME_ZONE, check_zone},
};

static bool
lies_in(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	while (len > 1 && directory[len - 1] == '/')
		len--;
	return strncmp(path, directory, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0' || len == 1);
}

static enum kerr
check_apart(const struct record *settings, const struct config_lines *lines,
	struct fault *fault)
{
	const char *state = record_text(settings, SETTINGS_STATE_DIRECTORY);
	const char *sink = record_text(settings, SETTINGS_AUDIT_SINK);

	if (lies_in(sink, state) || lies_in(state, sink))
		return config_refuse(lines, SETTINGS_AUDIT_SINK, fault,
			"it must lie outside the state directory, best on another "
			"machine: "
			"whoever takes one must not have both");
	if (lies_in(record_text(settings, SETTINGS_SEAL_KEY_FILE), state))
		return config_refuse(lines, SETTINGS_SEAL_KEY_FILE, fault,
			"it must lie outside the state directory: a copy of that alone "
			"must not open");
	return KERR_OK;
}

/* The same address twice would be reported by the kernel as in use by somebody else. */
static enum kerr
check_doors(const struct record *settings, const struct config_lines *lines,
	struct fault *fault)
{
	static const enum settings_field doors[] = {
		SETTINGS_PUBLIC_LISTEN, SETTINGS_ADMIN_LISTEN};
	const char *seen[16];
	size_t count = 0;

	for (size_t d = 0; d < sizeof(doors) / sizeof(doors[0]); d++) {
		for (size_t i = 0; i < record_count(settings, doors[d]); i++) {
			const char *text = record_text_at(settings, doors[d], i);

			for (size_t j = 0; j < count; j++) {
				if (strcmp(seen[j], text) == 0)
					return config_refuse(lines, doors[d], fault,
						"%.80s is given twice", text);
			}
			if (count < sizeof(seen) / sizeof(seen[0]))
				seen[count++] = text;
		}
	}
	return KERR_OK;
}

enum kerr
config_check(const struct record *settings, const struct config_lines *lines,
	struct fault *fault)
{
	enum kerr err = KERR_OK;

	for (size_t i = 0; err == KERR_OK && i < sizeof(checks) / sizeof(checks[0]); i++)
		err = checks[i].check(settings, lines, checks[i].f, fault);
	if (err == KERR_OK)
		err = check_apart(settings, lines, fault);
	return err == KERR_OK ? check_doors(settings, lines, fault) : err;
}
