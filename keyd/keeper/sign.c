#include "keyd/keeper/sign.h"

#include "core/arena.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/lanes.h"

#define BATCH 32

struct signer_box {
	pthread_mutex_t lock;
	struct signing_key *key; /* the new one, until it was taken */
};

struct signer_box *
signer_box_new(void)
{
	struct signer_box *b = mem_new(1, sizeof(*b));

	if (b != NULL)
		pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
signer_box_free(struct signer_box *b)
{
	if (b == NULL)
		return;
	signing_key_free(b->key);
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
}

void
signer_box_put(struct signer_box *b, struct signing_key *take)
{
	pthread_mutex_lock(&b->lock);
	signing_key_free(b->key);
	b->key = take;
	pthread_mutex_unlock(&b->lock);
}

static void
take_key(struct signer_box *b, struct token_signer **signer)
{
	struct signing_key *key;
	struct token_signer *fresh;

	pthread_mutex_lock(&b->lock);
	key = b->key;
	b->key = NULL;
	pthread_mutex_unlock(&b->lock);
	if (key == NULL)
		return;
	if (token_signer_new(key, &fresh) == KERR_OK) {
		token_signer_free(*signer);
		*signer = fresh;
	} else {
		log_write(LOG_ERROR, "signing-key-not-usable", "");
	}
	signing_key_free(key);
}

static enum kerr
sign_one(struct token_signer *signer, struct job *j)
{
	const struct token_claims *c = &j->sign->claims;
	struct record *answer = job_answer(j);
	struct buf token;
	enum kerr err;

	if (signer == NULL)
		return fault_set(
			&j->fault, KERR_NOT_READY, "", "there is no signing key yet");
	if (answer == NULL)
		return KERR_NOMEM;
	buf_init(&token, TOKEN_MAX + 1);
	err = token_signer_sign(signer, c, &token);
	if (err == KERR_OK)
		err = record_set_bytes(answer, TOKEN_TOKEN, token.data, token.len);
	buf_clear(&token);
	record_set_int(answer, TOKEN_EXPIRES_IN, c->expires - c->issued);
	return err == KERR_OK ? record_set_text(answer, TOKEN_SCOPE, c->scope) : err;
}

void *
sign_run(void *keeper)
{
	struct keeper *k = keeper;
	struct token_signer *signer = NULL;
	struct job *jobs, *next;

	while ((jobs = queue_take(&k->sign, BATCH, 1000, NULL)) != NULL ||
		!queue_is_closed(&k->sign)) {
		take_key(k->signing, &signer);
		for (; jobs != NULL; jobs = next) {
			next = jobs->next;
			jobs->status = sign_one(signer, jobs);
			answer_give(k, jobs);
		}
	}
	token_signer_free(signer);
	return NULL;
}
