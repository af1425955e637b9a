#ifndef KEYD_CLI_RUN_H
#define KEYD_CLI_RUN_H

struct cli;

/* Commands that are more than a request and its answer. Each returns the exit code and
 * has said what there is to say. */

int run_request(struct cli *c); /* of a command without a function of its own */

int run_serve(struct cli *c);        /* becomes keyd-parent */
int run_config_check(struct cli *c); /* reads the file, asks no keyd */
int run_config_show(struct cli *c);  /* the same */
int run_secret_check(struct cli *c); /* the same, of a secret */

int run_init(struct cli *c);
int run_unseal(struct cli *c);
int run_status(struct cli *c);
int run_stop(struct cli *c);
int run_seal_test(struct cli *c);
int run_seal_add(struct cli *c);

int run_operator_add(struct cli *c); /* the user's number, when it was not given */
int run_deliver(struct cli *c);      /* client issue, deliver, rotate, release */
int run_caller_add(struct cli *c);
int run_client_end(struct cli *c); /* client suspend, quarantine, revoke */
int run_key_withdraw(struct cli *c);
int run_find(struct cli *c);

int run_audit_verify(struct cli *c);
int run_audit_export(struct cli *c);
int run_backup(struct cli *c);
int run_backup_check(struct cli *c);
int run_restore(struct cli *c);

#endif
