#ifndef KEYD_FRONT_ENDPOINTS_H
#define KEYD_FRONT_ENDPOINTS_H

struct exchange;

/* What routes.c has in its rows: each answers the request in hand, at once or when the
 * keeper has. */

void ep_token(struct exchange *ex);      /* RFC 6749 section 4.4 */
void ep_introspect(struct exchange *ex); /* RFC 7662 */
void ep_revoke(struct exchange *ex);     /* RFC 7009 */
void ep_token_info(struct exchange *ex); /* Ed-Fi's self-inspection of a token */
void ep_jwks(struct exchange *ex);       /* RFC 7517 */
void ep_metadata(struct exchange *ex);   /* RFC 8414, OpenID Connect Discovery */
void ep_health(struct exchange *ex);     /* this process turns */
void ep_ready(struct exchange *ex);      /* keyd answers and issues */
void ep_metrics(struct exchange *ex);    /* Prometheus */
void ep_model(struct exchange *ex);      /* a row of the gate table about one object */
void ep_list(struct exchange *ex);       /* a row of the gate table that lists */
void ep_upload(struct exchange *ex);     /* a backup that comes back */

struct front;
/* Writes the metadata document, which is the same for all requests. */
void ep_metadata_write(struct front *f);

#endif
