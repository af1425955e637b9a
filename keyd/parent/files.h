#ifndef KEYD_PARENT_FILES_H
#define KEYD_PARENT_FILES_H

#include "core/record.h"

/* The files that the roles are given as descriptors. Each function returns a descriptor
 * in *ret (the caller's) or KERR_* with a sentence that says what to do. */

/* The state directory, made (0700, the keeper's) when it is missing, and locked: a second
 * parent on the same directory gets KERR_BUSY. The lock lasts as long as a copy of the
 * descriptor does. */
enum kerr files_state(
	const struct record *settings, int *ret, struct fault *fault) MUST_CHECK;
/* The audit sink's directory, made when it is missing. */
enum kerr files_sink(
	const struct record *settings, int *ret, struct fault *fault) MUST_CHECK;
/* The automatic slot's key file, made empty (0600, the keeper's) when it is missing; -1:
 * none is configured. */
enum kerr files_seal_key(
	const struct record *settings, int *ret, struct fault *fault) MUST_CHECK;
/* systemd's credential keyd-seal-key; -1: there is none. */
enum kerr files_credential(int *ret, struct fault *fault) MUST_CHECK;
/* Certificate chain and private key; on failure neither. */
enum kerr files_tls(const struct record *settings, int *ret_certificate, int *ret_key,
	struct fault *fault) MUST_CHECK;
/* A socket connected to the system's log; -1: not configured. */
enum kerr files_syslog(
	const struct record *settings, int *ret, struct fault *fault) MUST_CHECK;
/* A descriptor of the same open file with a reading position of its own; -1 on failure.
 */
int files_again(int fd);

#endif
