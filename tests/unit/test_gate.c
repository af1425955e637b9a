#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/role/gate.h"
#include "keyd/role/settings.h"

#define ALL_PHASES (PHASE_BIT_EMPTY | PHASE_BIT_SEALED | PHASE_BIT_SERVING)

START_TEST(every_message_is_found_by_its_number_and_only_those)
{
	size_t found = 0;

	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		const struct gate_row *row = gate_find((uint16_t)n);

		if (!row)
			continue;
		found++;
		ck_assert_uint_eq(row->number, n);
	}
	ck_assert_uint_eq(found, gate_count());
	for (size_t i = 0; i < gate_count(); i++)
		ck_assert_ptr_eq(gate_find(gate_at(i)->number), gate_at(i));
	ck_assert_ptr_null(gate_at(gate_count()));
}
END_TEST

START_TEST(a_message_without_payload_has_no_schema_and_a_payload_has_one)
{
	for (size_t i = 0; i < gate_count(); i++) {
		const struct gate_row *row = gate_at(i);

		/* What the keeper asks of itself crosses no border. */
		if (row->askers == PEER_KEEPER && row->lane != LANE_NONE)
			continue;
		if (row->max == 0)
			ck_assert_msg(!row->asked, "%s", row->name);
		else
			ck_assert_msg(row->asked != NULL, "%s", row->name);
	}
	ck_assert_ptr_eq(gate_find(MESSAGE_SETTINGS)->asked, &settings_schema);
	ck_assert_ptr_eq(gate_find(MESSAGE_TOKEN)->asked, &token_ask_schema);
	ck_assert_ptr_eq(gate_find(MESSAGE_CLIENT_LIST)->answered, &client_list_schema);
}
END_TEST

START_TEST(whatever_gives_out_a_token_or_a_secret_counts_as_issuing)
{
	static const enum message_number issue[] = {MESSAGE_TOKEN, MESSAGE_CLIENT_ISSUE,
		MESSAGE_CLIENT_DELIVER, MESSAGE_CLIENT_ROTATE, MESSAGE_CLIENT_RELEASE,
		MESSAGE_CALLER_ADD};
	static const enum message_number take_away[] = {MESSAGE_CLIENT_SUSPEND,
		MESSAGE_CLIENT_QUARANTINE, MESSAGE_CLIENT_REVOKE, MESSAGE_FIND,
		MESSAGE_FIND_QUARANTINE, MESSAGE_REVOKE_TOKEN, MESSAGE_INTROSPECT,
		MESSAGE_DAMAGE_ACCEPT, MESSAGE_BACKUP};

	for (size_t i = 0; i < sizeof(issue) / sizeof(issue[0]); i++)
		ck_assert(gate_issues(gate_find(issue[i])));
	for (size_t i = 0; i < sizeof(take_away) / sizeof(take_away[0]); i++)
		ck_assert(!gate_issues(gate_find(take_away[i])));
}
END_TEST

START_TEST(what_opens_keyd_is_asked_of_the_one_thread_that_opens_it)
{
	ck_assert_int_eq(gate_find(MESSAGE_UNSEAL)->lane, LANE_WRITE);
	ck_assert_int_eq(gate_find(MESSAGE_INIT)->lane, LANE_WRITE);
	ck_assert_int_eq(gate_find(MESSAGE_RESTORE)->lane, LANE_WRITE);
}
END_TEST

START_TEST(a_network_front_asks_for_nothing_that_belongs_to_people)
{
	static const enum message_number its_own[] = {MESSAGE_READY, MESSAGE_ALIVE,
		MESSAGE_INTROSPECT, MESSAGE_TOKEN, MESSAGE_REVOKE_TOKEN,
		MESSAGE_TOKEN_INFO, MESSAGE_METRICS, MESSAGE_HEALTH};

	for (size_t i = 0; i < gate_count(); i++) {
		const struct gate_row *row = gate_at(i);
		bool is_its_own = false;

		for (size_t j = 0; j < sizeof(its_own) / sizeof(its_own[0]); j++)
			is_its_own |= row->number == its_own[j];
		ck_assert_msg(
			is_its_own == !!(row->askers & PEER_FRONT), "%s", row->name);
		ck_assert_int_eq(gate_check(row, PEER_FRONT, PHASE_BIT_SERVING, 0),
			is_its_own ? KERR_OK : KERR_PROTOCOL);
	}
}
END_TEST

START_TEST(nothing_but_init_and_restore_changes_an_empty_keyd)
{
	for (size_t i = 0; i < gate_count(); i++) {
		const struct gate_row *row = gate_at(i);

		if (row->lane != LANE_WRITE && row->lane != LANE_FIRST)
			continue;
		if (row->number == MESSAGE_INIT || row->number == MESSAGE_INIT_CONFIRM ||
			row->number == MESSAGE_RESTORE)
			ck_assert_uint_eq(row->phases, PHASE_BIT_EMPTY);
		else if (row->number == MESSAGE_UNSEAL)
			ck_assert_uint_eq(row->phases, PHASE_BIT_SEALED);
		else
			ck_assert_msg(row->phases == PHASE_BIT_SERVING, "%s", row->name);
	}
}
END_TEST

START_TEST(what_stops_a_leaked_key_goes_before_every_other_change)
{
	static const enum message_number stops[] = {MESSAGE_CLIENT_SUSPEND,
		MESSAGE_CLIENT_QUARANTINE, MESSAGE_CLIENT_REVOKE,
		MESSAGE_FIND_QUARANTINE};

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		ck_assert_int_eq(gate_find((uint16_t)stops[i])->lane, LANE_FIRST);
}
END_TEST

START_TEST(the_right_message_in_the_wrong_phase_does_not_end_the_peer)
{
	const struct gate_row *init = gate_find(MESSAGE_INIT);

	ck_assert_int_eq(
		gate_check(init, PEER_LOCAL_FRONT, PHASE_BIT_SERVING, 0), KERR_PHASE);
	ck_assert_int_eq(gate_check(init, PEER_LOCAL_FRONT, PHASE_BIT_EMPTY, 0), KERR_OK);
	ck_assert_int_eq(
		gate_check(init, PEER_FRONT, PHASE_BIT_SERVING, 0), KERR_PROTOCOL);
}
END_TEST

START_TEST(one_byte_too_many_ends_the_peer)
{
	const struct gate_row *row = gate_find(MESSAGE_INTROSPECT);

	ck_assert_int_eq(
		gate_check(row, PEER_FRONT, PHASE_BIT_SERVING, row->max), KERR_OK);
	ck_assert_int_eq(gate_check(row, PEER_FRONT, PHASE_BIT_SERVING, row->max + 1),
		KERR_PROTOCOL);
	ck_assert_int_eq(
		gate_check(gate_find(MESSAGE_STOP), PEER_PARENT, PHASE_BIT_SERVING, 1),
		KERR_PROTOCOL);
	ck_assert_int_eq(
		gate_check(NULL, PEER_KEEPER, PHASE_BIT_SERVING, 0), KERR_PROTOCOL);
}
END_TEST

START_TEST(only_the_parent_hands_out_listeners_and_peers_and_stops)
{
	static const enum message_number its[] = {MESSAGE_SETTINGS, MESSAGE_LISTENER,
		MESSAGE_PEER, MESSAGE_STOP, MESSAGE_GO};

	for (size_t i = 0; i < sizeof(its) / sizeof(its[0]); i++) {
		const struct gate_row *row = gate_find((uint16_t)its[i]);

		ck_assert_uint_eq(row->askers, PEER_PARENT);
		ck_assert_uint_eq(row->phases, ALL_PHASES);
	}
	ck_assert_uint_eq(gate_find(MESSAGE_CONNECTION)->askers, PEER_KEEPER);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("gate");
	TCase *tc = tcase_create("gate");

	tcase_add_test(tc, every_message_is_found_by_its_number_and_only_those);
	tcase_add_test(tc, a_message_without_payload_has_no_schema_and_a_payload_has_one);
	tcase_add_test(tc, whatever_gives_out_a_token_or_a_secret_counts_as_issuing);
	tcase_add_test(tc, what_opens_keyd_is_asked_of_the_one_thread_that_opens_it);
	tcase_add_test(tc, a_network_front_asks_for_nothing_that_belongs_to_people);
	tcase_add_test(tc, nothing_but_init_and_restore_changes_an_empty_keyd);
	tcase_add_test(tc, what_stops_a_leaked_key_goes_before_every_other_change);
	tcase_add_test(tc, the_right_message_in_the_wrong_phase_does_not_end_the_peer);
	tcase_add_test(tc, one_byte_too_many_ends_the_peer);
	tcase_add_test(tc, only_the_parent_hands_out_listeners_and_peers_and_stops);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
