package nodes

import (
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

// notReplicated excuses what an asynchronous standby can lose: the transactions that were committed between the beginning of the fault and
// the end of the primary, and those of the moment before it. Of a delivery that was accepted then, the row may be missing. Of an attempt that
// ended then, the outcome may be missing: the delivery is in the state before it and is sent again.
func notReplicated(w *world, f audit.Finding) bool {
	at, known := webhook.TimeOfID(f.Delivery)
	if !known {
		return false
	}
	for _, fault := range w.Faults() {
		if !fault.Of(audit.PostgresStopped) {
			continue
		}
		from, to := fault.Began.Add(-replicationLag), fault.Over
		created := at.After(from) && at.Before(to)
		switch f.Rule {
		case "lost", "unknown webhook-id", "retry not made":
			return created
		case "request without a record", "sent after the end", "overwritten":
			return at.Before(to)
		}
	}
	return false
}

// replicationLag is how far an asynchronous standby is behind at most while the network is in order.
const replicationLag = time.Second
