#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/lanes.h"
#include "keyd/keeper/rates.h"
#include "keyd/keeper/sign.h"
#include "keyd/keeper/usage.h"
#include "keyd/role/sandbox.h"
#include "keyd/role/settings.h"

/* keyd-keeper: opens what it was handed, closes its jail, starts its threads, and becomes
 * the answering one. */

#define SECRET_SLOTS 1024
#define QUEUE_MAX    4096
#define ROUND_ARENA  (256u << 10)

static void
take_descriptors(struct keeper *k)
{
	k->local_listener = role_take(k->start, HANDOVER_LOCAL_LISTENER, NULL);
	k->state_fd = role_take(k->start, HANDOVER_STATE, NULL);
	k->sink_fd = role_take(k->start, HANDOVER_SINK, NULL);
	k->seal_fd = role_take(k->start, HANDOVER_SEAL_KEY, NULL);
	k->credential_fd = role_take(k->start, HANDOVER_CREDENTIAL, NULL);
	k->syslog_fd = role_take(k->start, HANDOVER_SYSLOG, NULL);
}

/* The name service reads here for SO_PEERCRED's user names; nothing else outside the
 * state directory can be opened. */
static const char *const readable[] = {"/etc"};
#define READABLE (sizeof(readable) / sizeof(readable[0]))

static enum kerr
enter_jail(struct keeper *k, struct fault *fault)
{
	struct sandbox_dir dirs[2 + READABLE];
	size_t n = 0, i;
	enum kerr err;

	dirs[n++] = (struct sandbox_dir){.fd = k->state_fd, .writable = true};
	if (k->sink_fd >= 0)
		dirs[n++] = (struct sandbox_dir){.fd = k->sink_fd, .writable = true};
	for (i = 0; i < READABLE; i++) {
		int fd = open(readable[i], O_PATH | O_CLOEXEC);

		if (fd >= 0)
			dirs[n++] = (struct sandbox_dir){.fd = fd};
	}
	(void)getpwuid(getuid()); /* loads what the name service needs */
	err = sandbox_enter(SANDBOX_KEEPER, dirs, n, fault);
	for (i = 1 + (k->sink_fd >= 0); i < n; i++)
		close(dirs[i].fd);
	return err;
}

static enum kerr
open_store(struct keeper *k, struct fault *fault)
{
	struct store_options o = {.directory = k->directory,
		.reserve = (size_t)record_int(k->settings, SETTINGS_RESERVE_MIB) << 20,
		.vault = k->vault};
	struct stat st;

	if (k->state_fd < 0 || fstat(k->state_fd, &st) != 0)
		return fault_set(fault, KERR_PROTOCOL, "",
			"the parent did not hand over the state directory");
	k->owner_uid = st.st_uid;
	return store_open(&o, &k->store, &k->empty, fault);
}

static enum kerr
prepare(struct keeper *k, struct fault *fault)
{
	enum kerr err = secret_pool_start(SECRET_SLOTS, fault);

	if (err == KERR_OK)
		err = tokens_start(fault);
	if (err != KERR_OK)
		return err;
	take_descriptors(k);
	k->settings = k->start->settings;
	snprintf(k->directory, sizeof(k->directory), "%s",
		record_text(k->settings, SETTINGS_STATE_DIRECTORY));
	err = clock_zone_load(record_text(k->settings, SETTINGS_TIME_ZONE), fault);
	if (err != KERR_OK)
		return err;
	clock_start(0);
	k->started = clock_now();
	k->vault = vault_new();
	k->round = arena_new(ROUND_ARENA);
	k->signing = signer_box_new();
	k->usage = usage_new();
	k->rates = k->vault != NULL ? rates_new(k->settings, k->vault) : NULL;
	if (k->vault == NULL || k->round == NULL || k->signing == NULL ||
		k->usage == NULL || k->rates == NULL || uv_loop_init(&k->loop) != 0)
		return fault_set(fault, KERR_NOMEM, "", "no memory to start the keeper");
	k->phase = PHASE_BIT_SEALED;
	k->starting = true;
	queue_init(&k->write, QUEUE_MAX);
	queue_init(&k->read, QUEUE_MAX);
	queue_init(&k->sign, QUEUE_MAX);
	queue_init(&k->hash, 16);
	queue_init(&k->wait, QUEUE_MAX);
	queue_init(&k->done, SIZE_MAX);
	answer_async_init(k);
	err = enter_jail(k, fault);
	return err == KERR_OK ? open_store(k, fault) : err;
}

static enum kerr
start_threads(struct keeper *k, struct fault *fault)
{
	bool ok = pthread_create(&k->writer, NULL, write_run, k) == 0 &&
		  pthread_create(&k->signer, NULL, sign_run, k) == 0 &&
		  pthread_create(&k->hasher, NULL, hash_run, k) == 0 &&
		  pthread_create(&k->waiter, NULL, wait_run, k) == 0;
	int i;

	for (i = 0; ok && i < READ_THREADS; i++)
		ok = pthread_create(&k->readers[i], NULL, read_run, k) == 0;
	return ok ? KERR_OK
		  : fault_set(fault, KERR_NOMEM, "",
			    "the keeper's threads cannot be started");
}

/* What waits is finished and given back to nobody; what was committed is in the sink
 * before the end. */
static void
stop_threads(struct keeper *k)
{
	int i;

	lanes_last(k);
	queue_close(&k->read);
	queue_close(&k->sign);
	queue_close(&k->hash);
	queue_close(&k->write);
	for (i = 0; i < READ_THREADS; i++)
		pthread_join(k->readers[i], NULL);
	pthread_join(k->signer, NULL);
	pthread_join(k->hasher, NULL);
	pthread_join(k->writer, NULL);
	queue_close(&k->wait);
	pthread_join(k->waiter, NULL);
	if (k->audit != NULL) {
		audit_sink_stop(k->audit);
		audit_close(k->audit);
	}
	store_close(k->store);
	vault_free(k->vault);
}

int
main(void)
{
	static struct role_start start; /* large: descriptors and settings */
	static struct keeper keeper;
	struct fault fault = {0};
	enum kerr err = role_start(PEER_KEEPER, &start, &fault);

	keeper.start = &start;
	if (err == KERR_OK)
		err = prepare(&keeper, &fault);
	if (err == KERR_OK)
		err = start_threads(&keeper, &fault);
	if (err == KERR_OK) {
		err = answer_run(&keeper, &fault);
		stop_threads(&keeper);
		if (err == KERR_OK && keeper.again)
			err = fault_set(
				&fault, KERR_CLOSED, "", "begins anew, empty as before");
	}
	if (err != KERR_OK)
		log_write(LOG_ERROR, "keeper-stopped", "",
			LOG_TEXT("error", kerr_name(err)), LOG_TEXT("why", fault.text));
	role_end(&start);
	return err == KERR_OK ? 0 : 1;
}
