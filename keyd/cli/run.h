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

int run_init(struct cli *c);      /* shows or writes the recovery code, sends it back */
int run_unseal(struct cli *c);    /* asks for passphrase or code */
int run_status(struct cli *c);    /* EXIT_AWAY when keyd is not ready */
int run_stop(struct cli *c);      /* says what stops, has it confirmed */
int run_seal_test(struct cli *c); /* asks for what opens the slot */
int run_seal_add(struct cli *c);  /* asks for a passphrase, twice */

int run_operator_add(struct cli *c); /* the user's number, when it was not given */
int run_deliver(struct cli *c);      /* client issue, deliver, rotate, release */
int run_caller_add(struct cli *c);   /* delivers a caller's credential */
int run_client_end(struct cli *c);   /* client suspend, quarantine, revoke */
int run_key_withdraw(struct cli *c); /* says which key, has it confirmed */
int run_find(struct cli *c);         /* by argument or paste, and offers to stop it */

int run_audit_verify(struct cli *c); /* keyd's chain, or a file without keyd */
int run_audit_export(struct cli *c); /* to a file or standard output */
int run_backup(struct cli *c);       /* into a new file, whole or not at all */
int run_backup_check(struct cli *c); /* asks for the code, sends the file */
int run_restore(struct cli *c);      /* the same, when it is confirmed */

#endif
