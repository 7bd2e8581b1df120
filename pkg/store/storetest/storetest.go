// Package storetest is the conformance suite of the store. Every database must pass it. Other packages may rely on what it asserts.
package storetest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Run runs the suite. open returns an empty, migrated store. Each test gets its own.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	RunMigrated(t, open)
	t.Run("schema/second migration is nothing", func(t *testing.T) { testSecondMigration(t, open(t)) })
}

// RunMigrated runs the suite without the tests of migrations.
func RunMigrated(t *testing.T, open func(t *testing.T) *store.Store) {
	runSome(t, open, func(string) bool { return true })
}

// RunReads runs the tests of the suite that read lists, searches and statistics.
func RunReads(t *testing.T, open func(t *testing.T) *store.Store) {
	runSome(t, open, func(name string) bool {
		topic, what, _ := strings.Cut(name, "/")
		return topic == "search" || topic == "deliveries" || topic == "attempts" || topic == "scoping" || topic == "statistics" ||
			topic == "endpoints" && (what == "pages" || what == "status") || name == "health/filters" || name == "changes/recorded" ||
			name == "lookup/owner" || name == "organizations/list" || name == "bulk/filters"
	})
}

// elsewhere are the topics of the suite that concern neither deliveries nor attempts nor events.
var elsewhere = []string{
	"keys", "console sessions", "operational", "idempotency", "health", "endpoints", "changes", "organizations", "operator", "event types", "statistics",
}

// RunDivided runs the tests of the suite that concern the tables that are divided by month.
func RunDivided(t *testing.T, open func(t *testing.T) *store.Store) {
	runSome(t, open, func(name string) bool {
		topic, _, _ := strings.Cut(name, "/")
		return !slices.Contains(elsewhere, topic)
	})
}

// runSome runs the tests whose names are wanted.
func runSome(t *testing.T, open func(t *testing.T) *store.Store, wanted func(name string) bool) {
	alone := func(name string, test func(*testing.T, *store.Store)) {
		if wanted(name) {
			t.Run(name, func(t *testing.T) { test(t, open(t)) })
		}
	}
	// These tests are not parallel. They make IDs of several times, which would disturb the ascending IDs of other tests.
	alone("retention/purge", testPurge)
	alone("retention/races", testPurgeRaces)
	alone("retention/endpoints", testPurgeEndpoints)
	alone("held/paused", testPausedIsPassedOver)
	alone("held/paused takes retries", testPausedTakesRetries)
	alone("held/organization deleted", testDeletedOrganizationIsHeld)
	alone("deleted/is gone", testDeletedIsGone)
	alone("deleted/deliveries end", testEndDeleted)
	alone("deleted/concurrent", testEndDeletedConcurrent)
	alone("tests/marked", testTestDelivery)
	alone("tests/one a second", testReserveTest)
	alone("changes/purge", testPurgeChanges)
	alone("search/equals the naive filter", testSearchEqualsNaiveFilter)
	alone("search/while rows change", testSearchWhileRowsChange)
	alone("search/events", testSearchEvents)
	alone("search/endpoints without a delivery", testFanOut)
	alone("operator/loads", testLoads)
	alone("due/a clock that is ahead", testDueAhead)
	for name, test := range map[string]func(*testing.T, *store.Store){
		"explain/facts":                         testExplained,
		"endpoints/round trip":                  testEndpointRoundTrip,
		"endpoints/carry":                       testEndpointCarries,
		"endpoints/too many secrets":            testTooManySecrets,
		"endpoints/pages":                       testEndpointPages,
		"endpoints/status":                      testEndpointStatus,
		"endpoints/secrets rotate":              testSecretsRotate,
		"endpoints/concurrent rotation":         testConcurrentRotation,
		"health/counted":                        testHealthCounted,
		"health/not counted":                    testHealthNotCounted,
		"health/reset":                          testHealthReset,
		"health/success noted":                  testHealthSuccessNoted,
		"health/together":                       testHealthTogether,
		"health/concurrent":                     testHealthConcurrent,
		"health/filters":                        testHealthFilters,
		"operational/failing and recovered":     testFailingAndRecovered,
		"operational/disabled for failing":      testDisabledForFailing,
		"operational/never disabled":            testNeverDisabled,
		"operational/changes":                   testOperationalChanges,
		"operational/no loops":                  testOperationalNoLoops,
		"operational/exhausted":                 func(t *testing.T, s *store.Store) { TestExhausted(t, s, 2000) },
		"operational/exhausted concurrent":      testExhaustedConcurrent,
		"changes/recorded":                      testChangesRecorded,
		"changes/observed":                      testChangesObserved,
		"changes/none":                          testChangeNothing,
		"changes/refused":                       testChangeRefused,
		"changes/concurrent":                    testChangesConcurrent,
		"events/round trip":                     testEventRoundTrip,
		"events/all or nothing":                 testEventAllOrNothing,
		"events/large fan-out":                  testLargeFanOut,
		"events/together":                       testEventsTogether,
		"events/apart":                          testEventsApart,
		"events/ended delivery":                 testEventEndedDelivery,
		"idempotency/events":                    testKeyedEvents,
		"idempotency/concurrent events":         testKeyedEventsConcurrent,
		"idempotency/audit lines":               testAuditTakenOnce,
		"idempotency/a refused event":           testKeyedEventFails,
		"idempotency/expiry":                    testKeysExpire,
		"idempotency/calls":                     testCallsRecorded,
		"idempotency/calls without effect":      testCallsWithoutEffect,
		"deliveries/pages":                      testDeliveryPages,
		"deliveries/without bodies":             testWithoutBodies,
		"deliveries/sizes":                      testDeliverySizes,
		"cancel/conditional":                    testCancel,
		"cancel/race":                           testCancelRace,
		"lookup/owner":                          testFindOwner,
		"lookup/delivery of an attempt":         testFindDeliveryOfAttempt,
		"lookup/API keys by prefix":             testListAPIKeysByPrefix,
		"bulk/retry":                            testBulkRetry,
		"bulk/retry in steps":                   testBulkRetryInSteps,
		"bulk/retry takes no later failures":    testBulkRetryNoLaterFailures,
		"bulk/retry skips":                      testBulkRetrySkips,
		"bulk/replay":                           testBulkReplay,
		"bulk/cancel":                           testBulkCancel,
		"bulk/deliver":                          testBulkDeliver,
		"bulk/deliver concurrent":               testBulkDeliverConcurrent,
		"bulk/deliver skips":                    testBulkDeliverSkips,
		"bulk/filters":                          testBulkFilters,
		"bulk/one winner":                       testBulkOneWinner,
		"bulk/killed":                           testBulkKilled,
		"bulk/lease taken over":                 testBulkLeaseTakenOver,
		"bulk/job cancelled":                    testBulkJobCancelled,
		"bulk/first of many":                    testBulkFirstOfMany,
		"bulk/what disappears is counted":       testBulkDisappears,
		"bulk/limit":                            testBulkLimit,
		"bulk/lists and lookup":                 testBulkLists,
		"bulk/pace":                             testBulkPace,
		"bulk/pace of what is applied":          testBulkPaceOfApplied,
		"bulk/deleted organization":             testBulkDeletedOrganization,
		"bulk/outcome and filter":               testBulkOutcomeAndFilter,
		"bulk/outcome without later calls":      testBulkOutcomeWithoutLaterCalls,
		"bulk/outcome of a cancelled job":       testBulkOutcomeOfCancelled,
		"bulk/statistics":                       testBulkStatistics,
		"bulk/purge":                            testBulkPurge,
		"retry/same record":                     testRetrySameRecord,
		"retry/large record":                    testRetryLargeRecord,
		"retry/only failures":                   testRetryOnlyFailures,
		"retry/one of many":                     testRetryOneOfMany,
		"retry/disabled endpoint":               testRetryDisabledEndpoint,
		"retry/together":                        testRetryTogether,
		"retry/together, one of many":           testRetryTogetherOneOfMany,
		"outcome/success":                       inWorld(testOutcomeSuccess),
		"outcome/fenced":                        inWorld(testOutcomeFenced),
		"outcome/twice":                         inWorld(testOutcomeTwice),
		"outcome/gone":                          inWorld(testOutcomeGone),
		"outcome/gone late":                     inWorld(testOutcomeGoneLate),
		"outcome/hostile bytes":                 inWorld(testOutcomeHostileBytes),
		"outcome/concurrent":                    inWorld(testOutcomeConcurrent),
		"outcome/without attempt":               testFailWithoutAttempt,
		"outcomes/one does not spoil another":   testOutcomesApart,
		"outcomes/many at once":                 testOutcomesMany,
		"dispatches/large data":                 testDispatchLargeData,
		"dispatches/one does not spoil another": testDispatchesApart,
		"orphans/counted":                       testOrphansCounted,
		"orphans/found":                         testFindWaiting,
		"waiting/count":                         testCountWaiting,
		"attempts/pages":                        testAttemptPages,
		"due/order and cursor":                  testDue,
		"lanes/read":                            testReadLanes,
		"lanes/list":                            testListLanes,
		"scoping/other organization":            testScoping,
		"keys/round trip":                       testKeyRoundTrip,
		"keys/of an organization":               testKeysOfAnOrganization,
		"keys/revocation":                       testKeyRevocation,
		"keys/revocation races":                 testKeyRevocationRaces,
		"keys/descendants":                      testKeyDescendants,
		"keys/descendants races":                testKeyDescendantsRaces,
		"keys/limit":                            testKeyLimit,
		"keys/of a platform":                    testPlatformKey,
		"keys/uses":                             testKeyUses,
		"keys/uses concurrent":                  testKeyUsesConcurrent,
		"organizations/put":                     testOrganizationPut,
		"organizations/concurrent put":          testOrganizationConcurrentPut,
		"organizations/list":                    testOrganizationList,
		"organizations/usage":                   testOrganizationUsage,
		"organizations/delete and restore":      testOrganizationDeleteRestore,
		"statistics/equal a full count":         testStatisticsEqualModel,
		"statistics/concurrent":                 testStatisticsConcurrent,
		"statistics/interrupted merges":         testStatisticsInterrupted,
		"statistics/event types":                testStatisticsTypes,
		"statistics/retention":                  testStatisticsRetention,
		"statistics/waiting":                    testWaitingBy,
		"console sessions/by link":              testConsoleLink,
		"console sessions/by login":             testConsoleLogins,
		"console sessions/links that fail":      testConsoleLinksThatFail,
		"console sessions/one opener of many":   testConsoleOneOpener,
		"console sessions/end and open":         testConsoleEndWhileOpening,
		"console sessions/validity":             testConsoleValidity,
		"console sessions/end":                  testConsoleEnd,
		"console sessions/lists and lookup":     testConsoleLists,
		"console sessions/operator":             testConsoleOperator,
		"console sessions/purge":                testConsolePurge,
		"changes/by a console session":          testChangesBySession,
		"operator/failing endpoints":            testFailingEndpoints,
		"operator/unknown code":                 testFailingEndpointsUnknownCode,
		"operator/running jobs":                 testRunningJobs,
		"operator/names":                        testNames,
		"erasure/passes":                        testErasurePasses,
		"erasure/small batches":                 testErasureBatches,
		"erasure/concurrent":                    testErasureConcurrent,
		"event types/reserved":                  testReservedTypes,
		"event types/catalogue":                 testEventTypes,
	} {
		if !wanted(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// org and other are two organizations. Neither may see the other's data.
const (
	org   = "org_a"
	other = "org_b"
)

// start is a fixed time in the past, with microseconds, which is the precision of the databases.
var start = time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)

// world is a store with an endpoint.
type world struct {
	t        *testing.T
	ctx      context.Context
	store    *store.Store
	endpoint webhook.Endpoint
	record   func(context.Context, webhook.Outcome) (webhook.Delivery, error)
}

func newWorld(t *testing.T, s *store.Store) world {
	t.Helper()
	endpoint := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: "billing", URL: "https://example.com/hook"}, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	return world{t: t, ctx: t.Context(), store: s, endpoint: endpoint, record: s.RecordOutcome}
}

// publish makes an event with one delivery to the world's endpoint.
func (w world) publish() (webhook.Event, webhook.Delivery) {
	w.t.Helper()
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", WorkflowID: "wf", RunID: "run", ExecutionID: "exec", Data: json.RawMessage(`{"b":1.50,"a":12345678901234567890}`)}, start)
	delivery := webhook.NewDelivery(event, w.endpoint, start)
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, []webhook.Delivery{delivery}))
	return event, delivery
}

// attempt decides and records the outcome of an answer, on the given state of the delivery.
func (w world) attempt(d webhook.Delivery, status int) (webhook.Delivery, webhook.Outcome) {
	w.t.Helper()
	outcome := w.decide(d, status)
	now, err := w.record(w.ctx, outcome)
	require.NoError(w.t, err)
	return now, outcome
}

func (w world) decide(d webhook.Delivery, status int) webhook.Outcome {
	w.t.Helper()
	return w.decideAt(d, status, start.Add(2*time.Second))
}

// decideAt is decide for an attempt that ends at a time.
func (w world) decideAt(d webhook.Delivery, status int, at time.Time) webhook.Outcome {
	w.t.Helper()
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{
		StartedAt:       at.Add(-time.Second),
		Duration:        42 * time.Millisecond,
		RequestHeaders:  map[string]string{"Webhook-Id": d.ID},
		ResponseStatus:  status,
		ResponseHeaders: map[string]string{"Content-Type": "text/plain"},
		ResponseBody:    []byte("answer"),
	}, at)
	require.NoError(w.t, err)
	outcome.EndpointUpdatedAt, outcome.EventType = w.endpoint.UpdatedAt, "run.finished"
	return outcome
}

// failed publishes an event whose delivery fails after one answer of 500.
func (w world) failed() webhook.Delivery {
	w.t.Helper()
	_, d := w.publish()
	d.MaxRetries = 0 // used for the decision; the row keeps its value
	d, _ = w.attempt(d, 500)
	require.Equal(w.t, webhook.StatusFailure, d.Status)
	return w.find(d.ID).Delivery
}

func (w world) find(id string) webhook.Record {
	w.t.Helper()
	record, err := w.store.FindDelivery(w.ctx, org, id)
	require.NoError(w.t, err)
	return record
}

func requireNotFound(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err), "%v", err)
}
