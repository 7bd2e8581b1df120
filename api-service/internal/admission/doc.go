// Package admission delays publishing while dispatchers are behind, and bounds the batches that are written at the same time.
//
// On a machine that the services share, accepting events faster than they are delivered only makes the queue longer. Dispatchers that
// are busy report for how long deliveries of an organization wait for them. A publish of that organization then waits in front of its
// commit, for at most 50 ms.
//
//	dispatcher, busy ──lags, every 25 ms──▶ Redis ──▶ Gate: Delay(lag, events) ──▶ commit ──▶ enqueue
//
// These publishes are not delayed:
//
//   - while dispatchers are stopped: a report is valid for 300 ms;
//   - while an endpoint hangs: an attempt in flight does not make a dispatcher busy;
//   - of an organization with few requests in progress, and of one whose deliveries are not behind.
//
// Nothing waits after the commit.
package admission
