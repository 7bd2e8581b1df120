package model_test

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// answered is a worker and the response that it gets. Its process runs until the outcome is recorded, and may be killed before it acknowledges
// the task.
type answered struct {
	*worker
	status int
	acks   bool
}

func resultOf(status int) webhook.Result {
	result := webhook.Result{StartedAt: webhook.Now(), ResponseStatus: status}
	switch status {
	case 0:
		result.Failure = "the connection was refused"
	case 429:
		result.RetryAfter = fmt.Sprint(int(retryAfter.Seconds()))
	}
	return result
}

// answer sends responses to several workers at once. Workers of one process share a statement, and two workers may have the same delivery.
// The rows must be the result of some order of the outcomes.
func (m *machine) answer(answers ...answered) {
	began := time.Now()
	together := map[*process]int{}
	for _, a := range answers {
		together[a.process]++
	}
	for p, count := range together {
		p.recordTogether(m.ctx, count)
	}
	for _, a := range answers {
		a.worker.answer <- resultOf(a.status)
	}
	verdicts := make([]ended, len(answers))
	byDelivery := map[string][]answered{}
	for i, a := range answers {
		verdicts[i] = <-a.ended
		require.NoError(m.t, verdicts[i].err)
		m.leave(a.worker)
		byDelivery[a.id] = append(byDelivery[a.id], a)
	}
	for _, id := range m.order {
		if len(byDelivery[id]) > 0 {
			m.settle(m.expected[id], byDelivery[id], began)
		}
	}
	for i, a := range answers {
		if a.acks {
			m.ack(a.id, verdicts[i].verdict)
		}
	}
}

// settle finds an order of the outcomes that explains the rows, and applies it to the model.
func (m *machine) settle(e *expected, answers []answered, began time.Time) {
	row, outcomes := m.find(e.id).Delivery, m.outcomes()[e.id]
	var differs string
	for _, order := range orders(answers) {
		tried := e.copied()
		differs = ""
		for _, a := range order {
			if tried.answered(a.known, a.status, row.NextRetryAt) && tried.status == webhook.StatusRetrying {
				differs = a.untimely(row.NextRetryAt, began) // two equal responses differ only in the due time
			}
		}
		if differs == "" {
			differs = tried.differs(row, outcomes)
		}
		if differs == "" {
			*e.endpoint = *tried.endpoint
			tried.endpoint = e.endpoint
			*e = *tried
			return
		}
	}
	m.t.Fatalf("%s is not what the model says, whatever the order of %d answers: %s", e.id, len(answers), differs)
}

// untimely returns how the due time of the next attempt differs from the expected one, or an empty string.
func (a answered) untimely(next, began time.Time) string {
	delay := a.process.skew + retryDelay
	if a.status == 429 {
		delay = a.process.skew + retryAfter
	}
	// Times are stored in microseconds, and a due time is rounded up to a whole second.
	earliest, latest := began.Add(delay-time.Microsecond), time.Now().Add(delay+time.Second)
	if next.Before(earliest) || next.After(latest) {
		return fmt.Sprintf("the next attempt is due at %s, and not between %s and %s", next, earliest, latest)
	}
	return ""
}

// orders returns all permutations.
func orders(answers []answered) [][]answered {
	if len(answers) == 1 {
		return [][]answered{answers}
	}
	var all [][]answered
	for i, first := range answers {
		var rest []answered
		rest = append(append(rest, answers[:i]...), answers[i+1:]...)
		for _, order := range orders(rest) {
			all = append(all, append([]answered{first}, order...))
		}
	}
	return all
}

// outcomes returns the recorded attempts of each delivery, in order.
func (m *machine) outcomes() map[string][]attempt {
	rows, err := m.database.raw.QueryContext(m.ctx,
		"SELECT delivery_id, number, outcome, COALESCE(response_status, 0) FROM attempts WHERE organization_id = "+m.database.bind(1)+" ORDER BY delivery_id, number", m.org)
	require.NoError(m.t, err)
	defer func() { require.NoError(m.t, rows.Close()) }()
	outcomes := map[string][]attempt{}
	for rows.Next() {
		var id string
		var number int
		var a attempt
		require.NoError(m.t, rows.Scan(&id, &number, &a.outcome, &a.status))
		outcomes[id] = append(outcomes[id], a)
		require.Equal(m.t, len(outcomes[id]), number, "the attempts of %s are misnumbered", id)
	}
	require.NoError(m.t, rows.Err())
	return outcomes
}
