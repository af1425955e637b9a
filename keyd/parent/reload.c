#include "keyd/parent/supervisor.h"

#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "keyd/parent/config/config.h"
#include "keyd/parent/files.h"
#include "keyd/parent/notify.h"
#include "keyd/role/settings.h"
#include "keyd/role/start.h"

static bool
same_texts(const struct record *a, const struct record *b, unsigned f)
{
	if (record_count(a, f) != record_count(b, f))
		return false;
	for (size_t i = 0; i < record_count(a, f); i++) {
		if (strcmp(record_text_at(a, f, i), record_text_at(b, f, i)) != 0)
			return false;
	}
	return true;
}

static bool
same(const struct record *a, const struct record *b, unsigned f)
{
	enum field_type type = settings_schema.fields[f].type;

	if (type == FIELD_TEXTS)
		return same_texts(a, b, f);
	if (type == FIELD_TEXT)
		return strcmp(record_text(a, f), record_text(b, f)) == 0;
	return record_int(a, f) == record_int(b, f);
}

static enum kerr
take_over(struct supervisor *s, const struct record *settings)
{
	enum kerr err = KERR_OK;

	for (unsigned f = 0; err == KERR_OK && f < SETTINGS__COUNT; f++) {
		const struct setting_row *row = settings_row((enum settings_field)f);

		if (same(s->settings, settings, f))
			continue;
		if (row->reloadable)
			err = record_copy_field(s->settings, f, settings, f);
		else
			log_write(LOG_WARN, "setting-needs-restart", "",
				LOG_TEXT("setting", row->path));
	}
	return err;
}

static enum kerr
tell(struct supervisor *s, struct child *c)
{
	enum kerr err = child_tell_settings(c, s->settings);

	if (err != KERR_OK || c->slot != SLOT_FRONT)
		return err;
	err = child_hand(c, HANDOVER_CERTIFICATE, files_again(s->certificate));
	return err == KERR_OK ? child_hand(c, HANDOVER_KEY, files_again(s->key)) : err;
}

static enum kerr
reload(struct supervisor *s, struct arena *arena, struct fault *fault)
{
	struct record *settings;
	int certificate, key;
	enum kerr err = config_load(s->config_path, arena, &settings, fault);

	if (err == KERR_OK)
		err = files_tls(settings, &certificate, &key, fault);
	if (err != KERR_OK)
		return err;
	close(s->certificate);
	close(s->key);
	s->certificate = certificate;
	s->key = key;
	err = take_over(s, settings);
	if (err != KERR_OK)
		return fault_set(fault, err, "", "%s", kerr_text(err));
	log_start(peer_kind_name(PEER_PARENT),
		(enum log_level)record_int(s->settings, SETTINGS_LOG_LEVEL),
		record_int(s->settings, SETTINGS_LOG_FORMAT) != 0);
	for (struct child *c = s->children; c; c = c->next) {
		if (!c->ending && tell(s, c) != KERR_OK)
			child_kill(c);
	}
	return KERR_OK;
}

void
supervisor_reload(struct supervisor *s)
{
	struct arena *arena = arena_new(CONFIG_ARENA);
	struct fault fault = {.text = "out of memory"};
	enum kerr err;

	notify_reloading();
	err = arena ? reload(s, arena, &fault) : KERR_NOMEM;
	if (err == KERR_OK)
		log_event(LOG_INFO, "reloaded", "", NULL, 0);
	else
		log_write(LOG_ERROR, "not-reloaded", "", LOG_TEXT("detail", fault.text));
	notify_send("READY=1");
	arena_free(arena);
}
