package explain

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// pick returns one of the values.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// anyFacts returns facts of any state of a delivery with any state of everything around it.
func anyFacts(r *rand.Rand) Facts {
	changes := []func(*Facts){delivery(func(d *webhook.Delivery) {
		d.Status = pick(r, webhook.Statuses...)
		d.Test = r.IntN(8) == 0
		d.RetryCount = r.IntN(6)
		d.NextRetryAt = pick(r, ago(time.Hour), ago(time.Second), now, now.Add(time.Millisecond), now.Add(time.Hour))
		if d.Status == webhook.StatusFailure {
			d.FailureReason = pick(r, append([]webhook.FailureReason{"", ""}, webhook.FailureReasons[2:]...)...)
		}
		if !d.Status.Waiting() {
			d.NextRetryAt = time.Time{}
		}
	})}
	optional := []func(*Facts){
		endpointIs(disable), endpointIs(pause), endpointIs(remove), large, queueIs(pauseQueue), queueIs(inBacklog),
		attempted(pick(r, 0, 200, 410, 503), "the receiver answered", 1, pick(r, 0, time.Minute)),
		func(f *Facts) {
			f.Superseded = &webhook.Attempt{Number: 2, StartedAt: ago(time.Minute), ResponseStatus: 200}
		},
	}
	for _, change := range optional {
		if r.IntN(4) == 0 {
			changes = append(changes, change)
		}
	}
	changes = append(changes, queueIs(func(s *queue.Situation) {
		s.Task = pick(r, queue.PresencePending, queue.PresenceScheduled, queue.PresenceRetry, queue.PresenceActive, queue.PresenceArchived, queue.PresenceAbsent)
		s.RunsAt = pick(r, ago(time.Second), now.Add(time.Minute), now.Add(time.Hour))
		s.InBacklog = s.InBacklog && s.Task == queue.PresenceAbsent
		s.Dispatchers = nil
		for range r.IntN(4) {
			s.Dispatchers = append(s.Dispatchers, anyDispatcher(r))
		}
	}))
	if r.IntN(8) == 0 {
		changes = append(changes, func(f *Facts) { f.Endpoint = nil })
	}
	if r.IntN(8) == 0 {
		changes = append(changes, withoutRedis)
	}
	return waitingFacts(changes...)
}

func anyDispatcher(r *rand.Rand) queue.DispatcherView {
	var changes []func(*queue.DispatcherView)
	for _, change := range []func(*queue.DispatcherView){
		openCircuit(), fullEndpoint(), rateLimited(), withoutMemory, stopping, omitting, stalled, attemptingSince(ago(time.Second)),
		endpointState(queue.EndpointState{Circuit: queue.CircuitHalfOpen, Probing: true}), func(d *queue.DispatcherView) { d.Dispatcher.Limit = 0 },
	} {
		if r.IntN(5) == 0 {
			changes = append(changes, change)
		}
	}
	return dispatcher(changes...)
}

var terminal = []Code{Delivered, Exhausted, Gone, EndpointDisabled, EndpointDeleted, Cancelled, Orphaned}

var sentence = regexp.MustCompile(`[.] [A-Z]`)

// Every state has an explanation. Its code is the first of its causes, which are in the order of the codes, and a summary of two sentences
// says what happens next. No cause contradicts a fact.
func TestDecideProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) // the facts repeat
	seen := map[Code]int{}
	for range 100_000 {
		f := anyFacts(r)
		e := Decide(f)
		d := f.Record.Delivery
		codes := codesOf(e)
		require.NotEmpty(t, codes, "%+v", f)
		require.Equal(t, codes[0], e.Code)
		require.True(t, slices.IsSortedFunc(codes, func(a, b Code) int { return slices.Index(Codes, a) - slices.Index(Codes, b) }), "%v", codes)
		for _, code := range codes {
			require.Contains(t, Codes, code)
		}
		has := func(code Code) bool { return slices.Contains(codes, code) }
		require.True(t, strings.HasPrefix(e.Summary, e.Causes[0].Message+" "), e.Summary)
		require.Regexp(t, sentence, e.Summary, "what happens next")
		require.Contains(t, e.Summary, "ep_1")

		ends := f.Endpoint == nil || !f.Endpoint.DeletedAt.IsZero() || f.Endpoint.Status == webhook.EndpointDisabled && !d.Test
		if !d.Status.Waiting() {
			require.True(t, slices.Contains(terminal, e.Code) || d.FailureReason == webhook.FailureEventMissing, "%s: %v", d.Status, codes)
			require.Nil(t, e.Next)
			seen[e.Code]++
			continue
		}
		require.Equal(t, ends, slices.Contains(terminal, e.Code), "%v", codes)
		require.Equal(t, f.Queue == nil, has(QueueUnavailable))
		require.Equal(t, ends, e.Next == nil)
		if f.Queue != nil {
			require.Equal(t, f.Queue.Paused, has(QueuePaused))
			require.Equal(t, len(f.dispatchers()) == 0, has(NoDispatcher))
		}
		if has(Scheduled) {
			require.True(t, d.NextRetryAt.After(now))
		}
		if has(Queued) || has(Unknown) {
			require.Len(t, codes, 1, "nothing else applies")
		}
		if held := slices.ContainsFunc(codes, func(c Code) bool { return strings.HasPrefix(string(c), "held_") }); held {
			require.False(t, ends || has(Scheduled) || has(EndpointPaused) || has(Sending) || has(NoDispatcher), "%v", codes)
		}
		seen[e.Code]++
	}
	for _, code := range Codes {
		require.NotZero(t, seen[code], "the facts never lead to %s", code)
	}
}
