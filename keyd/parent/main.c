/* keyd-parent, executed by `keyd serve`: reads the configuration, opens what needs
 * privilege, then starts, supervises and stops the others. It parses nothing that comes
 * from outside the machine and holds nothing secret. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "keyd/parent/config/config.h"
#include "keyd/parent/files.h"
#include "keyd/parent/owner.h"
#include "keyd/parent/supervisor.h"
#include "keyd/role/start.h"

#define EXIT_CONFIG 2

static const char usage[] =
	"usage: keyd serve [--config FILE] [--foreground]\n"
	"\n"
	"Serves until SIGTERM, Ctrl-C or `keyd stop`; SIGHUP reads certificate, key and\n"
	"log settings again.\n"
	"\n"
	"  --config FILE  configuration (default " CONFIG_PATH ")\n"
	"  --foreground   say on the terminal when it serves\n"
	"\n"
	"example: keyd serve --config /etc/keyd/keyd.yaml --foreground\n";

static bool
read_arguments(int argc, char **argv, struct supervisor *s)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"foreground", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (option == 'c')
			s->config_path = optarg;
		else if (option == 'f')
			s->foreground = true;
		else
			return false;
	}
	return optind == argc;
}

/* The programs lie beside this one. Read now: after an upgrade the link says "(deleted)".
 */
static enum kerr
find_programs(struct supervisor *s, struct fault *fault)
{
	ssize_t n = readlink("/proc/self/exe", s->directory, sizeof(s->directory) - 1);
	char *slash;

	if (n < 0)
		return fault_set(fault, KERR_IO, "",
			"/proc/self/exe: %s; is /proc mounted?", strerror(errno));
	s->directory[n] = '\0';
	slash = strrchr(s->directory, '/');
	if (slash)
		*slash = '\0';
	return KERR_OK;
}

static enum kerr
read_config(struct supervisor *s, struct fault *fault)
{
	enum kerr err;

	s->arena = arena_new(2 * CONFIG_ARENA);
	if (!s->arena)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	err = config_load(s->config_path, s->arena, &s->settings, fault);
	if (err == KERR_OK)
		log_start(peer_kind_name(PEER_PARENT),
			(enum log_level)record_int(s->settings, SETTINGS_LOG_LEVEL),
			record_int(s->settings, SETTINGS_LOG_FORMAT) != 0);
	return err;
}

static enum kerr
open_all(struct supervisor *s, struct fault *fault)
{
	enum kerr err = owner_check(s->settings, fault);

	if (err == KERR_OK)
		err = files_state(s->settings, &s->state, fault);
	if (err == KERR_OK)
		err = files_sink(s->settings, &s->sink, fault);
	if (err == KERR_OK)
		err = files_seal_key(s->settings, &s->seal_key, fault);
	if (err == KERR_OK)
		err = files_credential(&s->credential, fault);
	if (err == KERR_OK)
		err = files_tls(s->settings, &s->certificate, &s->key, fault);
	return err == KERR_OK ? doors_open(s->settings, &s->doors, fault) : err;
}

static void
close_all(struct supervisor *s)
{
	const int fds[] = {
		s->state, s->sink, s->seal_key, s->credential, s->certificate, s->key};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	doors_close(&s->doors);
	arena_free(s->arena);
}

int
main(int argc, char **argv)
{
	static struct supervisor s = {.config_path = CONFIG_PATH,
		.state = -1,
		.sink = -1,
		.seal_key = -1,
		.credential = -1,
		.certificate = -1,
		.key = -1,
		.doors = {.local = -1, .lock = -1}};
	struct fault fault;
	enum kerr err;
	int status = EXIT_CONFIG;

	if (!read_arguments(argc, argv, &s)) {
		fputs(usage, stderr);
		return EXIT_CONFIG;
	}
	log_start(peer_kind_name(PEER_PARENT), LOG_INFO, false);
	err = role_harden(&fault);
	if (err == KERR_OK)
		err = find_programs(&s, &fault);
	if (err == KERR_OK)
		err = read_config(&s, &fault);
	if (err == KERR_OK)
		err = open_all(&s, &fault);
	if (err == KERR_OK)
		status = supervisor_run(&s);
	else
		fprintf(stderr, "keyd: %s\n", fault.text);
	close_all(&s);
	return status;
}
