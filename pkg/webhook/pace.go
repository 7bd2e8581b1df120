package webhook

import "time"

// Pace is the pace of a bulk job: a token bucket whose state is in the job's row, so that a process that takes the job over keeps it. The
// times are by the clock of the database.
type Pace struct {
	// PerSecond is the number of deliveries per second. 0 sets no limit.
	PerSecond int
	// Tokens is how many deliveries the job might have handled at At. It may be negative.
	Tokens float64
	At     time.Time
}

const (
	// MaxBulkStep is how many deliveries one step handles at most, which takes PostgreSQL some 30 ms.
	MaxBulkStep = 500
	// paceSteps is how many steps a job makes in a second unless MaxBulkStep needs more of them.
	paceSteps = 5
	// paceBurst is how many seconds of the pace may follow at once after a pause of the dispatchers.
	paceBurst = 1.0
)

// quantum is how many deliveries a step handles.
func (p Pace) quantum() float64 {
	return min(MaxBulkStep, max(1, float64(p.PerSecond)/paceSteps))
}

// Allowed returns how many deliveries may be handled now, at most MaxBulkStep. It returns 0 before the time of Due.
func (p Pace) Allowed(now time.Time) int {
	if p.PerSecond == 0 {
		return MaxBulkStep
	}
	tokens := p.tokens(now)
	if tokens < p.quantum()-paceTolerance {
		return 0
	}
	return min(MaxBulkStep, int(tokens+paceTolerance))
}

// paceTolerance is for the rounding of times to microseconds.
const paceTolerance = 0.01

func (p Pace) tokens(now time.Time) float64 {
	elapsed := max(0, now.Sub(p.At).Seconds())
	return min(p.Tokens+elapsed*float64(p.PerSecond), max(p.quantum(), paceBurst*float64(p.PerSecond)))
}

// After returns the pace after a step that has handled deliveries.
func (p Pace) After(handled int, now time.Time) Pace {
	if p.PerSecond > 0 {
		p.Tokens = p.tokens(now) - float64(handled)
	}
	p.At = now
	return p
}

// Due returns when the next step is allowed, which may have passed.
func (p Pace) Due() time.Time {
	missing := p.quantum() - p.Tokens
	if p.PerSecond == 0 || missing <= 0 {
		return p.At
	}
	return p.At.Add(time.Duration(missing / float64(p.PerSecond) * float64(time.Second)))
}
