//! dialgate stands between jtel (the contact centre) and SAP. Before jtel dials a number that an
//! agent clicked in SAP, it asks dialgate, which looks the business partner up in SAP and answers
//! whether the call may go out and which service number it shows.
//!
//! # A call's way
//!
//! ```text
//! TcpStream ─ net::Listener ─ TlsStream ─ net::connection ─ Request
//!    └─ gateway::Gateway::handle ── Terms (loaded once) ── Clients (who asks) ── Query or drop_in
//!          └─ lookup::Partners::find ── memory ─ flight ─ shared ─ sap::door ─ sap::SapClient ─ domain::Lookup
//!                └─ domain::decide(lookup, number, rules) ── Decision
//!    ┌───────────────────────────────────────┘
//! Response ◄─ gateway::answer (one table) ── access record ── audit record ── metrics ── spans
//! ```
//!
//! Read `gateway/mod.rs` first: a call reads there from top to bottom. Then `lookup/mod.rs` (the
//! ladder: fresh, refreshed ahead, from SAP, stale, last good), `sap/door/mod.rs` (whether and when
//! SAP is asked), `sap/client.rs` (what it is asked), `domain/decision/mod.rs` (the rules;
//! `domain/plan.rs` is the numbering plan), and `app/reload.rs` (what a changed configuration
//! exchanges). What is asked and answered, for other programs: `gateway/openapi` and
//! `admin/openapi`, by the tables that answer (`gateway::answer`, `admin/routes.rs`).
//!
//! # Rooms
//!
//! A room uses only rooms before it in this list; `simulator` stands beside `sap`, and only `cli`
//! uses it. No files use each other in a circle:
//!
//! | room | what |
//! |---|---|
//! | [`domain`] | words and rules; no I/O, no clock, no async, no serde |
//! | [`config`] | `config.yaml` becomes a `Config`, every finding at once with line and column; `document` is the engine, `sections` what stands in the file |
//! | [`telemetry`] | the log, lines that leave the process, the audit trail (`audit`), its own metrics; the wall clock |
//! | [`net`] | sockets, load balancers in front (`proxied`), TLS, HTTP, a memory of keys and values that processes share (`kv`); knows nothing of jtel or SAP |
//! | [`sap`] | SAP's dialects and only those: `door` (whether and when), `dialect` (what), `link` (the way there), `login`, `reply` |
//! | [`lookup`] | what SAP knows of a partner, memory first, then what other replicas know (`shared`); a file in which it outlives the process (`snapshot`); asks SAP itself |
//! | [`gateway`] | one call from jtel, request to answer: who asks (`auth`), who guesses (`barring`); jtel's question about who calls (`caller`) |
//! | [`admin`] | the second listener: `routes` (what there is), `guard` (who may), the status page (`page`) and the same as JSON, `actions` |
//! | [`app`] | puts the parts together, once (`start`) and again (`snapshot`, `reload`) |
//! | [`cli`] | one file per command |
//!
//! # Invariants, and the tests that hold them
//!
//! 1. `domain` does no I/O, reads no clock, awaits nothing:
//!    `the_domain_does_no_input_or_output_reads_no_clock_and_awaits_nothing`.
//! 2. A room uses only rooms before it: `a_room_uses_only_rooms_before_it`.
//! 3. Every wait on the outside ends by a deadline:
//!    `whatever_sap_does_a_call_is_refused_within_its_deadline_and_nothing_is_remembered`,
//!    `a_journal_that_stalls_stops_nothing`,
//!    `a_second_signal_ends_the_process_in_time_while_everything_hangs`.
//! 4. Every request leaves exactly one access record, also when the caller hangs up or is cut off;
//!    a record that cannot be written is counted:
//!    `every_request_leaves_one_record_with_who_how_and_what`, `a_first_caller_who_hangs_up_cancels_nobody`,
//!    `a_second_signal_cuts_off_what_is_in_flight_and_still_writes_its_records`,
//!    `what_a_stuck_writer_leaves_behind_at_the_end_is_counted_and_no_longer_written`.
//!    Where there is an audit trail, each call leaves a record there as well, and the trail says what is
//!    missing: `each_call_and_each_doing_of_an_operator_is_in_the_trail_and_none_has_a_partner_or_a_number`,
//!    `any_one_change_to_a_trail_is_found`, `what_has_no_place_is_counted_in_the_trail`,
//!    `a_process_that_is_killed_while_it_writes_leaves_a_trail_that_goes_on`.
//! 5. While the process lives, an authenticated, readable question gets a decision (or, where the operator
//!    wants it so, is refused because it could not be recorded):
//!    `every_partner_gets_the_answer_of_the_table_from_sap_and_from_memory`.
//! 6. No metric label takes its value from the network: `no_label_comes_from_the_network`.
//! 7. A secret cannot be printed; a dialled number is never written:
//!    `no_record_metric_or_answer_has_a_number_a_partner_or_a_secret`,
//!    `nothing_that_the_process_ever_writes_has_a_partner_a_number_or_a_password`,
//!    `no_span_has_a_partner_a_number_a_name_or_a_secret`,
//!    `no_command_prints_a_secret_of_the_configuration`.
//! 8. A configuration with findings starts nothing:
//!    `a_configuration_with_findings_starts_nothing_and_names_them_all`.
//! 9. Another partner's answer is never used:
//!    `each_answer_of_a_loaded_gateway_belongs_to_its_own_partner`.
//! 10. Every task has an owner that waits for it at shutdown; only `main` ends the process:
//!     `calls_in_flight_are_answered_and_recorded_and_new_connections_refused`.
//! 11. SAP is asked by one door only, for no more at once than it may work on, and for nothing that
//!     cannot be answered in time: `sap_never_works_on_more_than_max_in_flight_however_callers_leave`,
//!     `a_sap_that_hangs_is_not_asked_by_each_of_two_hundred_calls_a_second`.
//! 12. A refused secret is shown three times a day at most, and no verdict judges another secret:
//!     `a_secret_that_had_worked_is_tried_after_30_s_and_10_min_and_then_no_more`,
//!     `a_late_401_for_the_old_password_does_not_bar_the_new_one`.
//! 13. A configuration comes into force as a whole or not at all, and no call fails for it:
//!     `what_has_findings_changes_nothing_is_told_where_one_looks_and_can_be_mended`,
//!     `a_reload_with_a_failing_test_keeps_what_is_in_force_until_it_is_mended`,
//!     `a_thousand_reloads_under_load_cost_no_call`.
//! 14. What is remembered does not depend on rules:
//!     `rules_in_another_order_or_with_other_values_keep_what_is_remembered`.
//! 15. What is served is described, what is described is served, and answered so:
//!     `each_path_that_is_served_is_described_and_each_that_is_described_is_served`,
//!     `schemathesis_finds_nothing_on_the_admin_listener`, `schemathesis_finds_nothing_at_jtels_endpoint`.
//! 16. Whoever shows something wrong is nobody, and nobody but a trusted proxy says for whom it asks:
//!     `each_client_is_let_in_by_what_it_has_to_show`, `only_a_trusted_load_balancer_says_for_whom_it_asks`.
//! 17. No call needs the memory that replicas share, or waits for it longer than its budget; nothing can be
//!     read there, and what was changed or moved is not used:
//!     `killed_under_load_no_call_fails_and_it_is_used_again_when_it_is_back`,
//!     `frozen_under_load_a_few_calls_wait_for_the_budget_and_then_none_does`,
//!     `nothing_personal_and_nothing_that_sap_said_can_be_read_in_the_shared_memory`,
//!     `what_is_not_as_it_was_written_or_of_another_partner_is_not_used`.
//! 18. Replicas ask SAP once for a partner, and a later answer is not replaced by an earlier one:
//!     `a_thousand_calls_for_one_partner_at_three_replicas_are_one_request_to_sap`,
//!     `what_came_of_an_earlier_turn_does_not_replace_what_came_of_a_later_one`.
//! 19. A process that leaves loses no call, and neither does one that takes its place:
//!     `of_two_hundred_calls_in_flight_none_is_lost_on_sigterm`,
//!     `in_twenty_upgrades_on_the_sockets_of_systemd_no_call_is_lost`,
//!     `in_twenty_upgrades_by_handing_over_no_call_is_lost`.
//! 20. Of several SAP systems those are asked that the routes say, a silent one is never taken for one that
//!     does not know a partner, and one that is only compared answers nobody:
//!     `each_question_goes_to_the_system_of_its_route_and_its_record_names_it`,
//!     `a_partner_is_unknown_when_all_say_so_and_never_because_one_is_silent`,
//!     `what_would_be_told_by_the_other_system_is_compared_and_nobody_is_answered_with_it`.
//! 21. SAP sees no more than its places and its requests of the day from all replicas together:
//!     `sap_never_works_on_more_than_its_places_for_three_replicas_together`,
//!     `the_places_of_a_replica_that_is_killed_or_stands_still_come_back`,
//!     `the_requests_of_the_day_are_one_for_three_replicas`,
//!     `frozen_and_killed_each_replica_has_its_share_and_no_call_waits`.
//! 22. A restart in an outage goes on with what was remembered, as old as it is; what was changed, or whom an
//!     operator has had forgotten, does not come back with it:
//!     `a_partner_known_before_the_restart_is_dialled_while_sap_is_silent`,
//!     `a_changed_byte_wherever_it_is_has_all_of_it_refused`,
//!     `whom_an_operator_has_forgotten_does_not_come_back_with_a_start`.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod gateway;
pub mod lookup;
pub mod net;
pub mod sap;
pub mod simulator;
pub mod telemetry;
